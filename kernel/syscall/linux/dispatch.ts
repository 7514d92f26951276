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
import { fault, type TryFunction } from "../dispatch.ts";
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
  const compiled = compile(row, tries, trySource);
  if (compiled) return compiled(row, k, HELPERS);
  const { handler } = row;
  return (...args) => {
    if (k.scheduler.givesWay()) return WOULD_BLOCK;
    try {
      const result = handler(k, ...args);
      return k.scheduler.current.signaled ? deliver(k, row, result) : result;
    } catch (error) {
      return fault(row, error);
    }
  };
}

/** The shim's retry: (tid or HANDLER_RETURNED, ...args). */
export function bindLinuxRetry(k: Process, row: Row): TryFunction {
  const compiled = compile(row, retries, retrySource);
  if (compiled) return compiled(row, k, HELPERS);
  const { handler } = row;
  return (tid, ...args) => {
    try {
      const early = tid === HANDLER_RETURNED ? handlerReturned(k, row) : resumedWith(k, row, tid as number);
      if (!Number.isNaN(early)) return early;
      const result = handler(k, ...args);
      if (result === WOULD_BLOCK) return result;
      k.scheduler.finished();
      return k.scheduler.current.signaled ? deliver(k, row, result) : result;
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
    const result = h(k${names && `, ${names}`});
    return scheduler.current.signaled ? deliver(k, row, result) : result;
  } catch (error) { return fault(row, error); }
};`;
}

function retrySource(names: string): string {
  return `const { fault, deliver, handlerReturned, resumedWith } = helpers; const { scheduler } = k; const h = row.handler;
return (tid${names && `, ${names}`}) => {
  try {
    const early = tid === ${HANDLER_RETURNED} ? handlerReturned(k, row) : resumedWith(k, row, tid);
    if (early === early) return early;
    const result = h(k${names && `, ${names}`});
    if (result === ${WOULD_BLOCK}) return result;
    scheduler.finished();
    return scheduler.current.signaled ? deliver(k, row, result) : result;
  } catch (error) { return fault(row, error); }
};`;
}

/** Null where code generation is forbidden (a content security policy). */
function compile(row: Row, known: WeakMap<Row, Bind | null>, source: (names: string) => string): Bind | null {
  let bind = known.get(row);
  if (bind === undefined) {
    try {
      const names = row.parameters.map((_, index) => `a${index}`).join(", ");
      bind = new Function("row", "k", "helpers", source(names)) as Bind;
    } catch {
      bind = null;
    }
    known.set(row, bind);
  }
  return bind;
}

/** The call of the running thread ends with `result` while a signal is deliverable. */
function deliver(k: Process, row: Row, result: number): number {
  const task = k.scheduler.current;
  const unwinding = task.linux?.unwinding;
  if (unwinding?.result === null && !row.unwinds) throw new GuestTrap(NOT_UNWOUND(row.name, unwinding.purpose));
  if (result === WOULD_BLOCK || !task.linux || unwinding) return result;
  return k.linux.signals.deliver(task, result, row.restarts);
}

/** The thread runs again after a park: NaN to try the call again, or what it answers. */
function resumedWith(k: Process, row: Row, tid: number): number {
  const { scheduler } = k;
  const ended = scheduler.resumed(tid);
  if (ended === 0) return TRY_AGAIN;
  const task = scheduler.current;
  if (task.signaled) {
    writeSleepRemainder(k);
    const result = k.linux.signals.deliver(task, ended, row.restarts);
    if (result !== -EINTR || ended !== -EINTR) return result;
  }
  if (ended !== -EINTR) return ended;
  task.retrying = true; // no handler has run, after all: the wait goes on
  return TRY_AGAIN;
}

/** A signal handler has returned: NaN to try the call again, or what it answers. */
function handlerReturned(k: Process, row: Row): number {
  return k.linux.signals.handlerReturned(k.scheduler.current, row.restarts);
}
