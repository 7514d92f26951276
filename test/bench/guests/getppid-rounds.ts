/**
 * Rounds of getppid in a loop, through the import that every guest uses. Prints picoseconds per call, one line per round.
 *
 * The loop is a function that is called many times: the engine optimises functions, never a loop that runs already.
 */
import { sys_clock_ms, sys_getppid } from "../../../guests/lib/sys";
import { printLine } from "./line";

const CLOCK_MONOTONIC: i32 = 1;
const CALLS: i32 = 40_000;
const BURSTS: i32 = 100;
const ROUNDS: i32 = 6;
let sum: i32 = 0;

function burst(): void {
  for (let i = 0; i < CALLS; i++) sum += sys_getppid();
}

export function measure(): void {
  for (let round = 0; round < ROUNDS; round++) {
    const started = sys_clock_ms(CLOCK_MONOTONIC);
    for (let i = 0; i < BURSTS; i++) burst();
    const tookMs = sys_clock_ms(CLOCK_MONOTONIC) - started;
    if (round > 0) printLine(<u32>((tookMs * 1e9) / <f64>(CALLS * BURSTS))); // round 0 warms up
  }
  if (sum === 1) printLine(0); // keeps the calls alive
}
