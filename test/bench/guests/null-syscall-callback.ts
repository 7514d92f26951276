/**
 * One system call that does nothing, from a callback (ring_dispatch): how the redis guest runs.
 */
import { sys_exit_group, sys_ring_setup, sys_ring_timer } from "../../../guests/lib/sys";
import { measure } from "./getppid-rounds";

const events = memory.data(32 * 16, 8);

export function _start(): void {
  sys_ring_setup(events, 16);
  sys_ring_timer(0, 0);
}

export function ring_dispatch(_count: i32, _monotonicMs: f64, _realtimeMs: f64): void {
  measure();
  sys_exit_group(0);
}
