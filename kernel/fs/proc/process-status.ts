/**
 * /proc/PID/stat, status and limits (proc(5)): what a process is and does, in numbers. `task`: of this thread; null: of the process.
 */
import { NSIG, SIG_DFL, SIG_IGN } from "../../abi/signal.ts";
import type { Kernel } from "../../kernel.ts";
import { SignalSet } from "../../process/signal-set.ts";
import { TASK_READY, TASK_RUNNING, type Task } from "../../sched/task.ts";
import { FD_MAX } from "../fd-table.ts";
import { comm } from "./process-folder.ts";
import { memoryOf, pageBytes } from "./process-memory.ts";

/** sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;
const STAT_FIELDS = 52;

/** "R" runs or could, "S" waits, "T" is stopped, "Z" has ended. */
function stateOf(k: Kernel, p: Kernel, task: Task | null): "R" | "S" | "T" | "Z" {
  const { linux } = p;
  if (linux?.ended) return "Z";
  if (linux && linux.stopSignal !== 0) return "T";
  const tasks = task ? [task] : [...p.tasks];
  const runs = ({ state }: Task): boolean => state === TASK_RUNNING || state === TASK_READY;
  return (p === k && (task === null || task === k.current)) || tasks.some(runs) ? "R" : "S";
}

export function stat(k: Kernel, p: Kernel, task: Task | null): string {
  const { linux } = p;
  const { size, resident } = memoryOf(p);
  const startMs = linux?.startMs ?? 0;
  const ticks = (ms: number): number => Math.floor((ms / 1000) * TICKS_PER_SECOND);
  // Fields 4 to 52 of proc(5); what has no meaning here is 0. All time is user time.
  const fields = new Array<number>(STAT_FIELDS - 3).fill(0);
  const set = (field: number, value: number): void => {
    fields[field - 4] = value;
  };
  set(4, p.ppid);
  set(5, linux?.pgid ?? p.pid);
  set(6, linux?.sid ?? p.pid);
  set(14, ticks(task ? k.scheduler.cpuMs(task) : (linux?.cpu.processMs() ?? k.clock.monotonicMs())));
  set(16, ticks(linux?.cpu.childrenMs ?? 0));
  set(18, 20);
  set(20, Math.max(1, p.threadCount));
  set(22, ticks(startMs));
  set(23, size);
  set(24, Math.ceil(resident / pageBytes(p)));
  set(25, p.boot.memoryLimit);
  set(38, 17); // SIGCHLD
  return `${task?.tid ?? p.pid} (${comm(p, task)}) ${stateOf(k, p, task)} ${fields.join(" ")}\n`;
}

const STATE_NAMES = { R: "running", S: "sleeping", T: "stopped", Z: "zombie" } as const;

export function status(k: Kernel, p: Kernel, task: Task | null): string {
  const { linux } = p;
  const { size, resident } = memoryOf(p);
  const state = stateOf(k, p, task);
  const kb = (bytes: number): string => `${Math.ceil(bytes / 1024)} kB`;
  const ids = linux?.credentials;
  const pid = String(p.pid);
  const lines: [string, string][] = [
    ["Name", comm(p, task)],
    ["Umask", p.fs.umask.toString(8).padStart(4, "0")],
    ["State", `${state} (${STATE_NAMES[state]})`],
    ["Tgid", pid],
    ["Ngid", "0"],
    ["Pid", String(task?.tid ?? pid)],
    ["PPid", String(p.ppid)],
    ["TracerPid", "0"],
    ["Uid", ids ? `${ids.uid}\t${ids.euid}\t${ids.suid}\t${ids.euid}` : "0\t0\t0\t0"],
    ["Gid", ids ? `${ids.gid}\t${ids.egid}\t${ids.sgid}\t${ids.egid}` : "0\t0\t0\t0"],
    ["FDSize", String(Math.max(64, p.fds.count))],
    ["Groups", `${ids?.groups.join(" ") ?? "0"} `],
    ["VmPeak", kb(size)],
    ["VmSize", kb(size)],
    ["VmLck", "0 kB"],
    ["VmHWM", kb(resident)],
    ["VmRSS", kb(resident)],
    ["VmData", kb(resident)],
    ["VmSwap", "0 kB"],
    ["Threads", String(Math.max(1, p.threadCount))],
    ...signalLines(p, task),
    ["NoNewPrivs", "0"],
    ["Seccomp", "0"],
    ["Cpus_allowed", "1"],
    ["Cpus_allowed_list", "0"],
    ["voluntary_ctxt_switches", "0"],
    ["nonvoluntary_ctxt_switches", "0"],
  ];
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join("");
}

function signalLines(p: Kernel, task: Task | null): [string, string][] {
  const { linux } = p;
  if (!linux) return [];
  const thread = (task ?? [...p.tasks][0])?.linux;
  const ignored = new SignalSet();
  const caught = new SignalSet();
  for (let signo = 1; signo <= NSIG; signo++) {
    const { handler } = linux.signals.action(signo);
    if (handler === SIG_IGN) ignored.add(signo);
    else if (handler !== SIG_DFL) caught.add(signo);
  }
  return [
    ["SigPnd", mask(thread?.pending.set)],
    ["ShdPnd", mask(linux.signals.pending.set)],
    ["SigBlk", mask(thread?.blocked)],
    ["SigIgn", mask(ignored)],
    ["SigCgt", mask(caught)],
  ];
}

/** Sixteen hexadecimal digits. */
function mask(set: SignalSet | undefined): string {
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return set ? hex(set.high) + hex(set.low) : "0".repeat(16);
}

/** By number of the resource: name and unit. */
const LIMITS: readonly (readonly [name: string, unit: string])[] = [
  ["Max cpu time", "seconds"],
  ["Max file size", "bytes"],
  ["Max data size", "bytes"],
  ["Max stack size", "bytes"],
  ["Max core file size", "bytes"],
  ["Max resident set", "bytes"],
  ["Max processes", "processes"],
  ["Max open files", "files"],
  ["Max locked memory", "bytes"],
  ["Max address space", "bytes"],
  ["Max file locks", "locks"],
  ["Max pending signals", "signals"],
  ["Max msgqueue size", "bytes"],
  ["Max nice priority", ""],
  ["Max realtime priority", ""],
  ["Max realtime timeout", "us"],
];

export function limits(p: Kernel): string {
  const value = (limit: number): string => (limit === Number.POSITIVE_INFINITY ? "unlimited" : String(limit));
  const row = (name: string, soft: string, hard: string, unit: string): string =>
    `${name.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${unit.padEnd(10)}\n`;
  const header = row("Limit", "Soft Limit", "Hard Limit", "Units");
  const { linux } = p;
  if (!linux) {
    const most = String(FD_MAX);
    const bytes = String(p.boot.memoryLimit);
    return header + row("Max open files", most, most, "files") + row("Max address space", bytes, bytes, "bytes");
  }
  return (
    header +
    LIMITS.map(([name, unit], resource) => {
      const { soft, hard } = linux.limits.get(resource);
      return row(name, value(soft), value(hard), unit);
    }).join("")
  );
}
