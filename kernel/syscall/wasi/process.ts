/**
 * Calls about the process: arguments, environment, random bytes, its end, its threads' turns.
 *
 * Most of them are wasi-js' own. What is done here is to look at the pointers first: how much it will write follows from what the machine was
 * booted with.
 */
import { EFAULT, EINVAL, EOPNOTSUPP } from "../../abi/errno.ts";
import { SIGCHLD, SIGCONT, SIGSTOP, SIGTTOU, SIGURG, SIGWINCH } from "../../abi/signal.ts";
import { GuestExit } from "../guest-exit.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";
import type { StringsSize } from "./wasi-js.ts";

/** The largest signal of the standard (`sys`), and the first one that is not Linux': it has no SIGSTKFLT (16). */
const SIGNAL_MAX = 30;
const SIGNAL_SHIFTED = 16;
const IGNORED_SIGNALS = [SIGCHLD, SIGCONT, SIGURG, SIGWINCH];

/** True if there is room for the pointers and for the strings. */
function hasRoom(k: WasiProcess, { count, bytes }: StringsSize, pointers: number, strings: number): boolean {
  return k.mem.has(pointers, count * 4) && k.mem.has(strings, bytes);
}

export function args_get(k: WasiProcess, argv: number, argvBuf: number): number {
  if (!hasRoom(k, k.wasi.js.args, argv >>> 0, argvBuf >>> 0)) return -EFAULT;
  return k.wasi.js.calls.args_get(argv >>> 0, argvBuf >>> 0);
}

export function args_sizes_get(k: WasiProcess, argc: number, argvBufSize: number): number {
  if (!k.mem.has(argc >>> 0, 4) || !k.mem.has(argvBufSize >>> 0, 4)) return -EFAULT;
  return k.wasi.js.calls.args_sizes_get(argc >>> 0, argvBufSize >>> 0);
}

export function environ_get(k: WasiProcess, environ: number, environBuf: number): number {
  if (!hasRoom(k, k.wasi.js.env, environ >>> 0, environBuf >>> 0)) return -EFAULT;
  return k.wasi.js.calls.environ_get(environ >>> 0, environBuf >>> 0);
}

export function environ_sizes_get(k: WasiProcess, count: number, size: number): number {
  if (!k.mem.has(count >>> 0, 4) || !k.mem.has(size >>> 0, 4)) return -EFAULT;
  return k.wasi.js.calls.environ_sizes_get(count >>> 0, size >>> 0);
}

export function random_get(k: WasiProcess, buf: number, length: number): number {
  if (!k.mem.has(buf >>> 0, length >>> 0)) return -EFAULT;
  return k.wasi.js.calls.random_get(buf >>> 0, length >>> 0);
}

/** Ends the process, whichever thread calls it. Does not return: what is thrown unwinds the program's stack. */
export function proc_exit(k: WasiProcess, status: number): number {
  return k.wasi.js.calls.proc_exit(status >>> 0);
}

/** There are no handlers: a signal ends the process, is ignored, or is none at all. */
export function proc_raise(k: WasiProcess, signal: number): number {
  if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
  const number = signal < SIGNAL_SHIFTED ? signal : signal + 1;
  if (number === 0 || IGNORED_SIGNALS.includes(number)) return 0;
  if (number >= SIGSTOP && number <= SIGTTOU) return -EOPNOTSUPP; // nobody could let it go on
  k.end({ code: 128 + number, reason: null }, number);
  throw new GuestExit(128 + number);
}

export function sched_yield(k: WasiProcess): number {
  return k.scheduler.yieldNow();
}

const CONFORMS = "as the standard has it; pointers are checked before";

export const PROCESS_ROWS = [
  wasiRow("args_get", "argv:ptr argv_buf:ptr", args_get, CONFORMS, { whose: "wasi-js" }),
  wasiRow("args_sizes_get", "argc:ptr argv_buf_size:ptr", args_sizes_get, CONFORMS, { whose: "wasi-js" }),
  wasiRow("environ_get", "environ:ptr environ_buf:ptr", environ_get, CONFORMS, { whose: "wasi-js" }),
  wasiRow("environ_sizes_get", "count:ptr size:ptr", environ_sizes_get, CONFORMS, { whose: "wasi-js" }),
  wasiRow("proc_exit", "status:i32", proc_exit, "as the standard has it; it ends the process through its bindings", {
    whose: "wasi-js",
    note: "the lower 8 bits of the status",
  }),
  wasiRow("random_get", "buf:ptr length:i32", random_get, `${CONFORMS}; its bindings end in the entropy device`, {
    whose: "wasi-js",
  }),
  wasiRow("proc_raise", "signal:i32", proc_raise, "has the numbers of another edition of the standard", {
    note: "there are no handlers: the process ends, unless the signal is one that is ignored",
  }),
  wasiRow("sched_yield", "", sched_yield, "does nothing: other threads would never run", { blocks: true }),
];
