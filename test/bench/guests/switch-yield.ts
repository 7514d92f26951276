/**
 * Measures a switch between two blocking threads that both call sched_yield(2) in a loop, as native/calls.c does with two pthreads.
 * Prints picoseconds per switch, one line per round.
 */
import {
  sys_clock_ms,
  sys_exit_group,
  sys_sched_yield,
  sys_thread_join,
  sys_thread_spawn,
} from "../../../guests/lib/sys";
import { printLine } from "./line";

const CLOCK_MONOTONIC: i32 = 1;
const ROUNDS: i32 = 6;
const YIELDS: i32 = 200_000;

function play(): void {
  for (let i = 0; i < YIELDS; i++) sys_sched_yield();
}

export function thread_entry(_fn: i32, _arg: i32): i32 {
  play();
  return 0;
}

export function _start(): void {
  for (let round = 0; round < ROUNDS; round++) {
    const started = sys_clock_ms(CLOCK_MONOTONIC);
    const other = sys_thread_spawn(0, 1);
    if (other < 0) sys_exit_group(1);
    play();
    sys_thread_join(other, 0);
    const tookMs = sys_clock_ms(CLOCK_MONOTONIC) - started;
    if (round > 0) printLine(<u32>((tookMs * 1e9) / <f64>(2 * YIELDS))); // round 0 warms up
  }
}
