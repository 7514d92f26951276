/**
 * What Linux says about a process: CPU time and resident memory from /proc/PID (proc(5)).
 * Throws with one line where there is no /proc.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

let ticksPerSecond: number | undefined;

/** utime + stime of the whole process (all threads) in microseconds; the kernel counts in ticks of 10 ms. */
export function cpuTimeUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the program's name in brackets and may hold anything: count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  ticksPerSecond ??= clockTicks();
  return (ticks / ticksPerSecond) * 1e6;
}

/** USER_HZ; where nobody can be asked, the value of every architecture that Node runs on. */
function clockTicks(): number {
  try {
    return Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "latin1" })) || 100;
  } catch {
    return 100;
  }
}

export function missingProc(): string | undefined {
  return existsSync("/proc/self/stat") ? undefined : "no /proc here: CPU time of a server cannot be read";
}
