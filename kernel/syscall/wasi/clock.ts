/**
 * Clocks. All time comes from the clock device; CPU time is what the scheduler has counted.
 */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import {
  CLOCKID_MONOTONIC,
  CLOCKID_PROCESS_CPUTIME_ID,
  CLOCKID_REALTIME,
  CLOCKID_THREAD_CPUTIME_ID,
} from "../../abi/wasi.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";
import { writeMilliseconds } from "./time-argument.ts";

/** What the clock device resolves, nanoseconds. */
const RESOLUTION_NS = 1000;

/** The clock in milliseconds with a fraction; -EINVAL for one there is not. */
export function clockMs(k: WasiProcess, id: number): number {
  switch (id) {
    case CLOCKID_REALTIME:
      return k.clock.realtimeMs();
    case CLOCKID_MONOTONIC:
      return k.clock.monotonicMs();
    case CLOCKID_PROCESS_CPUTIME_ID:
      return k.linux.cpu.processMs();
    case CLOCKID_THREAD_CPUTIME_ID:
      return k.linux.cpu.threadMs(k.current);
    default:
      return -EINVAL;
  }
}

export function clock_res_get(k: WasiProcess, id: number, out: number): number {
  if (id < CLOCKID_REALTIME || id > CLOCKID_THREAD_CPUTIME_ID) return -EINVAL;
  if (!k.mem.has(out >>> 0, 8)) return -EFAULT;
  k.mem.setI64(out >>> 0, RESOLUTION_NS);
  return 0;
}

/** The precision that is asked for is more or less than there is: nothing depends on it. */
export function clock_time_get(k: WasiProcess, id: number, _precision: number, out: number): number {
  const ms = clockMs(k, id);
  if (ms < 0) return ms;
  if (!k.mem.has(out >>> 0, 8)) return -EFAULT;
  writeMilliseconds(k.mem, out >>> 0, ms);
  return 0;
}

export const CLOCK_ROWS = [
  wasiRow(
    "clock_res_get",
    "id:i32 out:ptr",
    clock_res_get,
    "writes the number with its bytes in the wrong order; throws for an unknown clock",
  ),
  wasiRow(
    "clock_time_get",
    "id:i32 precision:f64 out:ptr",
    clock_time_get,
    "takes real time from the host, not from the clock device; BigInt",
  ),
];
