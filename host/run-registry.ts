/**
 * Who runs: every `ringzero run` keeps a file in a folder of this user's under the system's temporary folder, which `ringzero stop` and
 * `ringzero ps` read. The folder is the user's alone (mode 0700), or nothing in it is believed. A file whose process is gone, or whose
 * process id belongs to another process by now, is stale and removed by whoever sees it.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export interface RunningMachine {
  readonly name: string;
  readonly pid: number;
  /** As it was given to `ringzero run`. */
  readonly image: string;
  /** Where its published ports are; empty until it is ready. */
  readonly addresses: readonly string[];
  /** Epoch milliseconds. */
  readonly startedMs: number;
  /** How long the guest may take to end once it is asked. */
  readonly stopTimeoutMs: number;
  /** When the process started, in the clock ticks of /proc/PID/stat: tells it from a later one of the same id. Null: no /proc here. */
  readonly startTicks: string | null;
}

export function runFolder(): string {
  return join(tmpdir(), `ringzero-${process.getuid?.() ?? userInfo().username}`);
}

/** Writes this process' entry, or replaces it. Throws if the folder is not this user's. */
export function register(machine: Omit<RunningMachine, "pid" | "startTicks">): void {
  const folder = runFolder();
  mkdirSync(folder, { mode: 0o700, recursive: true });
  checkFolder(folder);
  const { pid } = process;
  const entry: RunningMachine = { ...machine, pid, startTicks: processStat(pid)?.startTicks ?? null };
  const path = join(folder, `${pid}.json`);
  // Whoever reads it meanwhile sees the old one or the new one, never a half.
  writeFileSync(`${path}.tmp`, JSON.stringify(entry), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** Removes the entry of a process; no error if there is none. */
export function unregister(pid: number): void {
  rmSync(join(runFolder(), `${pid}.json`), { force: true });
}

/** Every machine that runs, oldest first. Throws if the folder is there and not this user's. */
export function runningMachines(): RunningMachine[] {
  const folder = runFolder();
  if (!existsSync(folder)) return [];
  checkFolder(folder);
  const found: RunningMachine[] = [];
  for (const file of readdirSync(folder)) {
    const pid = Number(/^(\d+)\.json(?:\.tmp)?$/.exec(file)?.[1]);
    if (!(pid > 0)) continue;
    const entry = file.endsWith(".tmp") ? null : readEntry(join(folder, file), pid);
    if (entry && isRunning(entry)) found.push(entry);
    else if (entry || !isAlive(pid)) rmSync(join(folder, file), { force: true });
  }
  return found.sort((a, b) => a.startedMs - b.startedMs);
}

/** Whether the process is there, is the one that wrote the entry, and is more than a zombie. */
export function isRunning({ pid, startTicks }: Pick<RunningMachine, "pid" | "startTicks">): boolean {
  if (startTicks === null) return isAlive(pid);
  const stat = processStat(pid);
  return stat !== null && stat.startTicks === startTicks && stat.state !== "Z" && stat.state !== "X";
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)); null where there is no such process, or no /proc. */
function processStat(pid: number): { state: string; startTicks: string } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // The second field is the program's name in brackets and may hold anything: count from its end.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTicks: fields[19] ?? "" };
}

/** Somebody else's folder at this place could name any process as ours to stop. */
function checkFolder(folder: string): void {
  const stat = lstatSync(folder);
  const uid = process.getuid?.();
  if (!stat.isDirectory() || (uid !== undefined && (stat.uid !== uid || (stat.mode & 0o077) !== 0))) {
    throw new Error(`${folder} is not a folder of this user's alone (mode 0700): remove it, or set TMPDIR`);
  }
}

function readEntry(path: string, pid: number): RunningMachine | null {
  try {
    const entry = JSON.parse(readFileSync(path, "utf8")) as RunningMachine;
    return typeof entry.name === "string" && entry.pid === pid && Array.isArray(entry.addresses) ? entry : null;
  } catch {
    return null; // removed meanwhile, or not ours
  }
}
