/**
 * Measures a switch between two blocking threads that hand a word to and fro with futex(2), as native/calls.c does with
 * two pthreads. Prints picoseconds per switch, one line per round.
 */
import { sys_clock_ms, sys_exit_group, sys_futex, sys_thread_join, sys_thread_spawn } from "../../../guests/lib/sys";
import { printLine } from "./line";

const CLOCK_MONOTONIC: i32 = 1;
const FUTEX_WAIT: i32 = 0;
const FUTEX_WAKE: i32 = 1;
const ROUNDS: i32 = 6;
const HANDOVERS: i32 = 200_000;
/** Whose turn it is: 0 or 1. */
const turn: usize = memory.data(4, 4);

function play(me: i32): void {
  for (let i = 0; i < HANDOVERS; i++) {
    while (load<i32>(turn) !== me) sys_futex(turn, FUTEX_WAIT, 1 - me, -1);
    store<i32>(turn, 1 - me);
    sys_futex(turn, FUTEX_WAKE, 1, -1);
  }
}

export function thread_entry(_fn: i32, arg: i32): i32 {
  play(arg);
  return 0;
}

export function _start(): void {
  for (let round = 0; round < ROUNDS; round++) {
    const started = sys_clock_ms(CLOCK_MONOTONIC);
    const other = sys_thread_spawn(0, 1);
    if (other < 0) sys_exit_group(1);
    play(0);
    sys_thread_join(other, 0);
    const tookMs = sys_clock_ms(CLOCK_MONOTONIC) - started;
    if (round > 0) printLine(<u32>((tookMs * 1e9) / <f64>(2 * HANDOVERS))); // round 0 warms up
  }
}
