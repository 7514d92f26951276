/**
 * Processes and threads as system calls name them, and who may do something to whom (credentials(7)).
 */
import { SIGCONT } from "../../abi/signal.ts";
import type { Process } from "../../process/process.ts";
import type { Task } from "../../sched/task.ts";

/** A process by its number, zombies included; 0: the caller. */
export function processOf(k: Process, pid: number): Process | undefined {
  return pid === 0 ? k : k.machine.processes.get(pid);
}

/** A live thread of any process by its number; 0: the caller's. */
export function threadOf(k: Process, tid: number): Task | undefined {
  return tid === 0 ? k.current : k.scheduler.tasks.get(tid);
}

/** The process that a thread is of. */
export function processOfThread(k: Process, task: Task): Process | undefined {
  return task.process ? k.machine.processes.get(task.process.pid) : undefined;
}

/** Whom kill(2) means by `pid`: a process, a group (below -1; 0: the caller's), or all but process 1 and the caller (-1). */
export function processesOf(k: Process, pid: number): Process[] {
  const { processes } = k.machine;
  if (pid > 0) {
    const one = processes.get(pid);
    return one ? [one] : [];
  }
  const all = [...processes.values()];
  if (pid === -1) return all.filter((process) => !process.isInit && process !== k);
  const group = pid === 0 ? k.linux.pgid : -pid;
  return all.filter((process) => process.linux.pgid === group);
}

/** True if the caller may send `target` a signal. */
export function maySignal(k: Process, target: Process, sig: number): boolean {
  const { credentials, sid } = k.linux;
  const { uid, suid } = target.linux.credentials;
  if (target === k || credentials.isPrivileged) return true;
  if ([credentials.uid, credentials.euid].some((id) => id === uid || id === suid)) return true;
  return sig === SIGCONT && target.linux.sid === sid;
}

/** True if the caller may change how `target` is run (setpriority(2), sched_setscheduler(2)). */
export function mayControl(k: Process, target: Process): boolean {
  const { euid, isPrivileged } = k.linux.credentials;
  return isPrivileged || euid === target.linux.credentials.euid || euid === target.linux.credentials.uid;
}
