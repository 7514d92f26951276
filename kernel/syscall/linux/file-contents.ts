/**
 * The contents of a file, read by the kernel for itself: what execve(2) runs.
 */
import { EIO, ENOEXEC } from "../../abi/errno.ts";
import { AT_FDCWD, O_RDONLY } from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import type { File } from "../../fs/file.ts";
import type { Process } from "../../process/process.ts";
import { BOUNCE_BYTES, withBounceBuffer } from "./bounce.ts";

/** A program is no larger than this. */
const BYTES_MAX = 256 * 1024 * 1024;

/** Reads a regular file; a negated errno. */
export function readWholeFile(k: Process, path: string): Uint8Array<ArrayBuffer> | number {
  const file = k.vfs.open(k, AT_FDCWD, path, O_RDONLY, 0);
  if (typeof file === "number") return file;
  const contents = readAll(k, file);
  file.close(k);
  return contents;
}

function readAll(k: Process, file: File): Uint8Array<ArrayBuffer> | number {
  const stat = emptyStat();
  const result = file.stat(k, stat);
  if (result !== 0) return result;
  if (stat.size > BYTES_MAX || !file.seekable) return -ENOEXEC;
  const bytes = new Uint8Array(stat.size);
  const bounce = withBounceBuffer(k);
  for (let at = 0; at < bytes.length; ) {
    const done = file.seekable.pread(bounce, 0, Math.min(BOUNCE_BYTES, bytes.length - at), at);
    if (done <= 0) return done < 0 ? done : -EIO;
    bytes.set(bounce.mem.u8.subarray(0, done), at);
    at += done;
  }
  return bytes;
}
