/**
 * What Linux says about a process: CPU time and resident memory from /proc/PID (proc(5)).
 * Throws with one line where there is no /proc.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

let ticksPerSecond: number | undefined;

/**
 * Time on a processor of all threads of a process, in microseconds. From the scheduler's own counters in nanoseconds where Linux has them (a thread
 * that has ended is not in them: a server's threads live as long as itself), else utime + stime in ticks of 10 ms.
 */
export function cpuTimeUs(pid: number): number {
  if (!existsSync(`/proc/${pid}/schedstat`)) return cpuTicksUs(`/proc/${pid}/stat`);
  return [...threadCpuUs(pid).values()].reduce((sum, us) => sum + us, 0);
}

/** The same for each thread, by its number. */
export function threadCpuUs(pid: number): Map<string, number> {
  const folder = `/proc/${pid}/task`;
  const exact = existsSync(`/proc/${pid}/schedstat`);
  const times = new Map<string, number>();
  for (const thread of readdirSync(folder)) {
    try {
      const ns = (): number => Number(readFileSync(`${folder}/${thread}/schedstat`, "latin1").split(" ")[0]);
      times.set(thread, exact ? ns() / 1000 : cpuTicksUs(`${folder}/${thread}/stat`));
    } catch {
      // it has ended meanwhile
    }
  }
  return times;
}

function cpuTicksUs(path: string): number {
  const stat = readFileSync(path, "latin1");
  // The second field is the program's name in brackets and may hold anything: count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  ticksPerSecond ??= clockTicks();
  return (ticks / ticksPerSecond) * 1e6;
}

/** Resident memory of a process in bytes (VmRSS). */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kilobytes) * 1024;
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
