/**
 * What travels with the bytes of an AF_UNIX socket (unix(7)): open files (SCM_RIGHTS) and the sender's credentials (SCM_CREDENTIALS).
 *
 * What always holds: files under way are held (`refs`); whoever takes an Ancillary out of a queue passes them on or releases them.
 */
import { releaseFile } from "../fs/fd-table.ts";
import type { File } from "../fs/file.ts";
import type { Kernel } from "../kernel.ts";

/** `struct ucred`. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Ancillary {
  readonly files: readonly File[];
  readonly credentials: PeerCredentials | null;
}

/** The running process, as a peer sees it. */
export function credentialsOf(k: Kernel): PeerCredentials {
  return { pid: k.pid, uid: k.credentials.euid, gid: k.credentials.egid };
}

export function sameCredentials(a: PeerCredentials | null, b: PeerCredentials | null): boolean {
  if (a === null || b === null) return a === b;
  return a.pid === b.pid && a.uid === b.uid && a.gid === b.gid;
}

/** The files go under way. */
export function holdFiles({ files }: Ancillary): void {
  for (const file of files) file.refs++;
}

/** Nobody will take the files, or those who wanted them have: they are not under way any more. */
export function releaseFiles(k: Kernel, { files }: Ancillary): void {
  for (const file of files) releaseFile(k, file);
}
