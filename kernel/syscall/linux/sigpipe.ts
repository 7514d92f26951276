/**
 * SIGPIPE (signal(7), write(2)): who writes to a pipe or a stream that nobody reads any more gets the signal, and EPIPE if it survives.
 */
import { EPIPE } from "../../abi/errno.ts";
import { SI_USER, SIGPIPE } from "../../abi/signal.ts";
import type { Process } from "../../process/process.ts";

/** A write has `result`, which is passed on: EPIPE raises SIGPIPE for the calling thread. */
export function raiseBrokenPipe(k: Process, result: number): number {
  if (result !== -EPIPE) return result;
  const info = { signo: SIGPIPE, code: SI_USER, pid: k.pid, uid: k.linux.credentials.uid, value: 0 };
  k.linux.signals.raise(info, k.current);
  return result;
}
