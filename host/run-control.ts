/**
 * `ringzero stop` and `ringzero ps`: what one process can learn of the machines that others run, and do about them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning, type RunningMachine, runningMachines, unregister } from "./run-registry.ts";
import { UsageError } from "./usage-error.ts";

const POLL_MS = 10;
/** What `ringzero run` gets to end its machine itself: beyond its own time limit, and after a second signal. */
const GRACE_MS = 2000;
const BORDERLESS = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "" },
  ...{ "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "" },
};

/**
 * Ends the machine called `name` (or the one with that process id): SIGTERM; after `timeoutMs` a second one, which `ringzero run` takes as
 * an order; SIGKILL for a process that does not even obey that. Settles once the process is gone, with a line that says what was done.
 */
export async function stopMachine(name: string, timeoutMs?: number): Promise<string> {
  const machine = findMachine(name, runningMachines());
  const title = `${machine.name} (pid ${machine.pid})`;
  const limitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, machine.stopTimeoutMs);
  const startedMs = performance.now();
  for (const { signal, waitMs } of [
    // Its own time limit is for `ringzero run` to keep: it says why on its stderr.
    { signal: "SIGTERM", waitMs: limitMs < machine.stopTimeoutMs ? limitMs : limitMs + GRACE_MS },
    { signal: "SIGTERM", waitMs: GRACE_MS },
    { signal: "SIGKILL", waitMs: GRACE_MS },
  ] as const) {
    send(machine, signal);
    if (!(await isGone(machine, waitMs))) continue;
    unregister(machine.pid);
    const tookMs = performance.now() - startedMs;
    return tookMs < limitMs
      ? `stopped ${title} in ${(tookMs / 1000).toFixed(2)} s`
      : `killed ${title}: it did not end within ${limitMs / 1000} s`;
  }
  throw new Error(`${title} does not even end by SIGKILL`);
}

/** The machines that run, as a table. */
export async function renderMachines(): Promise<string> {
  const machines = runningMachines();
  if (machines.length === 0) return "no machine is running";
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    head: ["name", "pid", "image", "addresses", "up"],
    chars: BORDERLESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  for (const { name, pid, image, addresses, startedMs } of machines) {
    table.push([name, pid, image, addresses.join(" "), duration(Date.now() - startedMs)]);
  }
  return table.toString().replace(/ +$/gm, "");
}

function findMachine(name: string, machines: readonly RunningMachine[]): RunningMachine {
  const named = machines.filter((machine) => machine.name === name);
  const [found = machines.find((machine) => String(machine.pid) === name)] = named;
  if (named.length > 1) {
    throw new UsageError(`${named.length} machines are called "${name}": give a process id (${list(named)})`);
  }
  if (!found) {
    throw new UsageError(
      `no machine "${name}" is running; ${machines.length > 0 ? `these are: ${list(machines)}` : "none is"}`,
    );
  }
  return found;
}

function list(machines: readonly RunningMachine[]): string {
  return machines.map(({ name, pid, addresses }) => [name, `pid ${pid}`, ...addresses].join(" ")).join(", ");
}

/** A process that has ended meanwhile needs no signal. */
function send(machine: RunningMachine, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (isRunning(machine)) process.kill(machine.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function isGone(machine: RunningMachine, withinMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    if (!isRunning(machine)) return true;
    if (performance.now() >= deadlineMs) return false;
    await sleep(POLL_MS);
  }
}

/** The two largest units are enough. */
function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86_400].map((size) => Math.floor(seconds / size)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
