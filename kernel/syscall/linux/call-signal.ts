/**
 * Signals that a call raises in the thread that makes it: SIGPIPE for writing to what nobody reads, SIGXFSZ for growing a file beyond
 * RLIMIT_FSIZE. The call's own end delivers them.
 */
import { EFBIG, EPIPE } from "../../abi/errno.ts";
import { SI_KERNEL, SI_USER, SIGPIPE, SIGXFSZ } from "../../abi/signal.ts";
import type { Process } from "../../process/process.ts";

/** A write has `result`, which is passed on: EPIPE raises SIGPIPE for the calling thread (write(2)). */
export function raiseBrokenPipe(k: Process, result: number): number {
  if (result === -EPIPE) raise(k, SIGPIPE, SI_USER);
  return result;
}

/** -EFBIG, with SIGXFSZ (setrlimit(2), RLIMIT_FSIZE). */
export function fileTooBig(k: Process): number {
  raise(k, SIGXFSZ, SI_KERNEL);
  return -EFBIG;
}

function raise(k: Process, signo: number, code: number): void {
  k.linux.signals.raise({ signo, code, pid: k.pid, uid: k.linux.credentials.uid, value: 0 }, k.current);
}
