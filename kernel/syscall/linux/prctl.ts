/**
 * prctl(2): what a thread or process may say about itself.
 */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { fromGuest, writeBytes } from "../../fs/byte-string.ts";
import type { LinuxThread } from "../../process/linux-thread.ts";
import type { Process } from "../../process/process.ts";
import { isSignal } from "../../process/signal-set.ts";
import type { Row } from "../row.ts";
import { linuxRow } from "./row.ts";

const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_GET_KEEPCAPS = 7;
const PR_SET_KEEPCAPS = 8;
const PR_GET_TIMING = 13;
const PR_SET_TIMING = 14;
const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
const PR_CAPBSET_READ = 23;
const PR_GET_SECUREBITS = 27;
const PR_SET_TIMERSLACK = 29;
const PR_GET_TIMERSLACK = 30;
const PR_SET_CHILD_SUBREAPER = 36;
const PR_GET_CHILD_SUBREAPER = 37;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_GET_NO_NEW_PRIVS = 39;
const PR_SET_THP_DISABLE = 41;
const PR_GET_THP_DISABLE = 42;
const PR_SET_VMA = 0x53564d41;
/**
 * Not Linux': how many parameters the function behind the pointer has, and RETURNS if it returns something. Our C library asks before it
 * calls a thread's function, which Wasm would refuse if its type is another. On other engines the answer is EINVAL, as to all that is unknown.
 */
const PR_RINGZERO_FUNCTION_TYPE = 0x525a0001;
const RETURNS = 0x100;
/** TASK_COMM_LEN, its NUL included. */
const NAME_BYTES = 16;
/** Nanoseconds by which timers may be late (PR_GET_TIMERSLACK), as on Linux; what is set is taken note of by nobody. */
const TIMER_SLACK_NS = 50_000;
const CAP_LAST_CAP = 40;

/** prctl(2). */
export function sys_prctl(k: Process, option: number, arg2: number, arg3: number, arg4: number, arg5: number): number {
  const { linux } = k;
  const thread = k.current.linux;
  const ptr = arg2 >>> 0;
  const noMore = arg3 === 0 && arg4 === 0 && arg5 === 0;
  switch (option) {
    case PR_SET_PDEATHSIG:
      if (arg2 !== 0 && !isSignal(arg2)) return -EINVAL;
      linux.parentDeathSignal = arg2;
      return 0;
    case PR_GET_PDEATHSIG:
      return writeNumber(k, ptr, linux.parentDeathSignal);
    case PR_GET_DUMPABLE:
      return linux.isDumpable ? 1 : 0;
    case PR_SET_DUMPABLE:
      if (arg2 !== 0 && arg2 !== 1) return -EINVAL;
      linux.isDumpable = arg2 === 1;
      return 0;
    case PR_GET_KEEPCAPS:
      return linux.keepsCapabilities ? 1 : 0;
    case PR_SET_KEEPCAPS:
      if (arg2 !== 0 && arg2 !== 1) return -EINVAL;
      linux.keepsCapabilities = arg2 === 1;
      return 0;
    case PR_SET_NAME:
      return thread ? setName(k, thread, ptr) : -EINVAL;
    case PR_GET_NAME:
      return getName(k, thread?.name || k.boot.name, ptr);
    case PR_CAPBSET_READ:
      return arg2 >= 0 && arg2 <= CAP_LAST_CAP ? 1 : -EINVAL;
    case PR_SET_CHILD_SUBREAPER:
      linux.isSubreaper = arg2 !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      return writeNumber(k, ptr, linux.isSubreaper ? 1 : 0);
    case PR_SET_NO_NEW_PRIVS:
      if (arg2 !== 1 || !noMore) return -EINVAL;
      linux.noNewPrivileges = true;
      return 0;
    case PR_GET_NO_NEW_PRIVS:
      return arg2 === 0 && noMore ? (linux.noNewPrivileges ? 1 : 0) : -EINVAL;
    case PR_GET_TIMERSLACK:
      return TIMER_SLACK_NS;
    case PR_SET_TIMING:
      return arg2 === 0 ? 0 : -EINVAL;
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
      return noMore ? 0 : -EINVAL;
    case PR_RINGZERO_FUNCTION_TYPE: {
      const type = thread?.instance.plainTypeAt(ptr);
      return type ? type.parameters + (type.returns ? RETURNS : 0) : -EINVAL;
    }
    case PR_GET_TIMING:
    case PR_GET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_SET_VMA:
      return 0;
    default:
      return -EINVAL;
  }
}

/** The name is cut to 15 bytes. */
function setName(k: Process, thread: LinuxThread, ptr: number): number {
  for (let length = 0; length < NAME_BYTES; length++) {
    if (!k.mem.has(ptr, length + 1)) return -EFAULT;
    if (length < NAME_BYTES - 1 && k.mem.u8[ptr + length] !== 0) continue;
    thread.name = fromGuest(k.mem, ptr, length);
    break;
  }
  return 0;
}

function getName(k: Process, name: string, ptr: number): number {
  if (!k.mem.has(ptr, NAME_BYTES)) return -EFAULT;
  k.mem.u8.fill(0, ptr, ptr + NAME_BYTES);
  writeBytes(k.mem.u8, ptr, name.slice(0, NAME_BYTES - 1));
  return 0;
}

function writeNumber(k: Process, ptr: number, value: number): number {
  if (!k.mem.has(ptr, 4)) return -EFAULT;
  k.mem.setU32(ptr, value);
  return 0;
}

export const PRCTL_ROWS: readonly Row[] = [
  linuxRow(157, "prctl", "option:i32 arg2:i32 arg3:i32 arg4:i32 arg5:i32", sys_prctl, {
    partial: "names, PDEATHSIG, CHILD_SUBREAPER; DUMPABLE, KEEPCAPS, NO_NEW_PRIVS and TIMERSLACK without effect",
  }),
];
