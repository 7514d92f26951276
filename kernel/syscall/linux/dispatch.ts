/**
 * Dispatch for the Linux personality: what ../dispatch.ts does, and the two things that Linux programs need besides. A thread that goes
 * on and on without waiting gives way now and then (Scheduler.givesWay), and a call ends by delivering the signals that are pending.
 *
 * The source of both functions is compiled once per row, so every row has type feedback of its own, shared by all processes.
 */
import { EINTR } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";
import { TRY_AGAIN } from "../../process/process-signals.ts";
import { WOULD_BLOCK } from "../../sched/task.ts";
import { HANDLER_RETURNED } from "../../shim/shim.ts";
import { compileOnce, fault, type TryFunction } from "../dispatch.ts";
import { GuestTrap } from "../guest-exit.ts";
import type { Row } from "../row.ts";
import { writeSleepRemainder } from "./time.ts";

type Bind = (row: Row, k: Process, helpers: typeof HELPERS) => TryFunction;

/** A function on the way out has not been transformed: it goes on as if nothing had happened, until it makes a call. */
const NOT_UNWOUND = (name: string, purpose: string): string =>
  `${name} was called while ${purpose} unwound the stack: a caller of it was built without the unwind transformation (ringzero-cc: --ringzero-fork-callers has to name it)`;

const HELPERS = { fault, deliver, resumedWith, handlerReturned };

/** One row's handler, bound to a process: the shim's try. */
export function bindLinuxTry(k: Process, row: Row): TryFunction {
  const compiled = compileOnce(row, tries, trySource);
  if (compiled) return compiled(row, k, HELPERS);
  const { handler } = row;
  const { scheduler } = k;
  return (...args) => {
    if (scheduler.givesWay()) return WOULD_BLOCK;
    try {
      for (;;) {
        const result = handler(k, ...args);
        if (!scheduler.current.signaled) return result;
        const told = deliver(k, row, result);
        if (!Number.isNaN(told)) return told;
      }
    } catch (error) {
      return fault(row, error);
    }
  };
}

/** The shim's retry: (tid or HANDLER_RETURNED, ...args). */
export function bindLinuxRetry(k: Process, row: Row): TryFunction {
  const compiled = compileOnce(row, retries, retrySource);
  if (compiled) return compiled(row, k, HELPERS);
  const { handler } = row;
  const { scheduler } = k;
  return (tid, ...args) => {
    try {
      let told = tid === HANDLER_RETURNED ? handlerReturned(k) : resumedWith(k, row, tid as number);
      while (Number.isNaN(told)) {
        const result = handler(k, ...args);
        if (result === WOULD_BLOCK) return result;
        told = scheduler.current.signaled ? deliver(k, row, result) : result;
        if (!Number.isNaN(told)) scheduler.finished();
      }
      return told;
    } catch (error) {
      return fault(row, error);
    }
  };
}

const tries = new WeakMap<Row, Bind | null>();
const retries = new WeakMap<Row, Bind | null>();

function trySource(names: string): string {
  return `const { fault, deliver } = helpers; const { scheduler } = k; const h = row.handler;
return (${names}) => {
  if (scheduler.givesWay()) return ${WOULD_BLOCK};
  try {
    for (;;) {
      const result = h(k${names && `, ${names}`});
      if (!scheduler.current.signaled) return result;
      const told = deliver(k, row, result);
      if (told === told) return told;
    }
  } catch (error) { return fault(row, error); }
};`;
}

function retrySource(names: string): string {
  return `const { fault, deliver, handlerReturned, resumedWith } = helpers; const { scheduler } = k; const h = row.handler;
return (tid${names && `, ${names}`}) => {
  try {
    let told = tid === ${HANDLER_RETURNED} ? handlerReturned(k) : resumedWith(k, row, tid);
    while (told !== told) {
      const result = h(k${names && `, ${names}`});
      if (result === ${WOULD_BLOCK}) return result;
      told = scheduler.current.signaled ? deliver(k, row, result) : result;
      if (told === told) scheduler.finished();
    }
    return told;
  } catch (error) { return fault(row, error); }
};`;
}

/**
 * The call of the running thread ends with `result` while a signal is deliverable: what it answers, RUN_HANDLER among it, or NaN for a wait
 * that goes on because no handler was to be run.
 */
function deliver(k: Process, row: Row, result: number): number {
  const task = k.scheduler.current;
  const unwinding = task.linux?.unwinding;
  if (unwinding?.result === null && !row.unwinds) throw new GuestTrap(NOT_UNWOUND(row.name, unwinding.purpose));
  if (result === WOULD_BLOCK || !task.linux || unwinding) return result;
  return k.linux.signals.deliver(task, result, row);
}

/** The thread runs again after a park: NaN to try the call again, or what it answers. */
function resumedWith(k: Process, row: Row, tid: number): number {
  const { scheduler } = k;
  const ended = scheduler.resumed(tid);
  if (ended === 0) return TRY_AGAIN;
  const task = scheduler.current;
  if (ended === -EINTR) writeSleepRemainder(k);
  let told = ended;
  if (task.signaled) told = deliver(k, row, ended);
  else if (ended === -EINTR) told = TRY_AGAIN; // another thread has taken the signal
  if (Number.isNaN(told)) {
    task.retrying = true;
    return told;
  }
  if (task.linux) task.linux.sleepRemainder = 0;
  scheduler.finished();
  return told;
}

/** A signal handler has returned: NaN to try the call again, or what it answers. */
function handlerReturned(k: Process): number {
  const task = k.scheduler.current;
  const unwinding = task.linux?.unwinding;
  if (unwinding?.result === null) throw new GuestTrap(`${unwinding.purpose} in a signal handler`);
  return k.linux.signals.handlerReturned(task);
}
