/**
 * The contents of a file, read by the kernel for itself: what execve(2) runs.
 */
import { EIO, ENOEXEC, ENOMEM } from "../../abi/errno.ts";
import { AT_FDCWD, O_RDONLY } from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import type { Process } from "../../process/process.ts";

/** A program is no larger than this. */
const BYTES_MAX = 256 * 1024 * 1024;

/** Reads a regular file through a buffer in the process' memory; a negated errno. */
export function readWholeFile(k: Process, path: string): Uint8Array<ArrayBuffer> | number {
  const { space } = k.linux;
  if (!space) return -ENOEXEC;
  const file = k.vfs.open(k, AT_FDCWD, path, O_RDONLY, 0);
  if (typeof file === "number") return file;
  const stat = emptyStat();
  let result: Uint8Array<ArrayBuffer> | number = file.stat(k, stat);
  if (result === 0 && (stat.size > BYTES_MAX || !file.seekable)) result = -ENOEXEC;
  const buffer = result === 0 ? space.mapAnonymous(BUFFER_BYTES, 0, 0) : -1;
  if (result === 0 && buffer < 0) result = -ENOMEM;
  if (result === 0 && file.seekable) {
    const bytes = new Uint8Array(stat.size);
    result = bytes;
    for (let at = 0; at < bytes.length; ) {
      const done = file.seekable.pread(k, buffer, Math.min(BUFFER_BYTES, bytes.length - at), at);
      if (done <= 0) {
        result = done < 0 ? done : -EIO;
        break;
      }
      bytes.set(k.mem.u8.subarray(buffer, buffer + done), at);
      at += done;
    }
  }
  if (buffer >= 0) space.unmap(buffer, BUFFER_BYTES);
  file.close(k);
  return result;
}

/** Below what a transfer parks for (fuse-file.ts): reading goes on at once. */
const BUFFER_BYTES = 512 * 1024;
