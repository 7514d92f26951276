/**
 * Measures one system call that does nothing: getppid in a loop, through the import that every guest uses.
 * Prints picoseconds per call, one line per round.
 */
import { sys_clock_ms, sys_getppid } from "../../../guests/lib/sys";
import { printLine } from "./line";

const CLOCK_MONOTONIC: i32 = 1;
const CALLS: i32 = 4_000_000;

export function _start(): void {
  let sum: i32 = 0;
  for (let i = 0; i < CALLS; i++) sum += sys_getppid(); // the engine's optimising compiler comes in here
  for (let round = 0; round < 5; round++) {
    const started = sys_clock_ms(CLOCK_MONOTONIC);
    for (let i = 0; i < CALLS; i++) sum += sys_getppid();
    const tookMs = sys_clock_ms(CLOCK_MONOTONIC) - started;
    printLine(<u32>((tookMs * 1e9) / <f64>CALLS));
  }
  if (sum === 1) printLine(0); // keeps the calls alive
}
