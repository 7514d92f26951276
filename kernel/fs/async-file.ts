/**
 * The asynchronous entry to files, for the completion ring: the result comes through `completion`, once, perhaps before the call returns.
 *
 * `ptr`/`len` have been validated; the memory belongs to the call until it completes. `offset` below 0 means the file's own offset. Operations on
 * one open file are carried out in the order in which they were submitted. Files that answer at once anyway (memory, devices) need
 * nothing for this; a file on a device implements `AsyncFile`.
 */
import { EAGAIN, EDEADLK, EINVAL, ESPIPE } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { File } from "./file.ts";

export interface Completion {
  /** Bytes, 0, or a negated errno. */
  complete(result: number): void;
}

export interface AsyncFile extends File {
  submitRead(kernel: Kernel, ptr: number, len: number, offset: number, completion: Completion): void;
  submitWrite(kernel: Kernel, ptr: number, len: number, offset: number, completion: Completion): void;
  submitSync(kernel: Kernel, dataOnly: boolean, completion: Completion): void;
}

function isAsync(file: File): file is AsyncFile {
  return "submitRead" in file;
}

export function submitRead(
  kernel: Kernel,
  file: File,
  ptr: number,
  len: number,
  offset: number,
  completion: Completion,
): void {
  if (isAsync(file)) file.submitRead(kernel, ptr, len, offset, completion);
  else if (offset < 0) completion.complete(atOnce(file.read(kernel, ptr, len)));
  else completion.complete(file.seekable ? atOnce(file.seekable.pread(kernel, ptr, len, offset)) : -ESPIPE);
}

export function submitWrite(
  kernel: Kernel,
  file: File,
  ptr: number,
  len: number,
  offset: number,
  completion: Completion,
): void {
  if (isAsync(file)) file.submitWrite(kernel, ptr, len, offset, completion);
  else if (offset < 0) completion.complete(atOnce(file.write(kernel, ptr, len)));
  else completion.complete(file.seekable ? atOnce(file.seekable.pwrite(kernel, ptr, len, offset)) : -ESPIPE);
}

export function submitSync(kernel: Kernel, file: File, dataOnly: boolean, completion: Completion): void {
  if (isAsync(file)) file.submitSync(kernel, dataOnly, completion);
  else completion.complete(file.durable ? atOnce(file.durable.sync(kernel, dataOnly)) : -EINVAL);
}

/** A file that has nothing yet (a pipe, the console) would have parked; the ring's context cannot: it says so as O_NONBLOCK would. */
function atOnce(result: number): number {
  return result === -EDEADLK ? -EAGAIN : result;
}
