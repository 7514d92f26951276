/**
 * Dispatch for WASI programs: what ../dispatch.ts does, with two differences. Handlers answer as all handlers do, and what the program is told is the
 * standard's errno. And a thread that goes on and on without waiting gives way now and then (Scheduler.givesWay).
 *
 * The source of both functions is compiled once per row, so every row has type feedback of its own, shared by all processes.
 */
import { wasiErrno } from "../../abi/wasi.ts";
import { WOULD_BLOCK } from "../../sched/task.ts";
import { compileOnce, fault, type TryFunction } from "../dispatch.ts";
import type { Row } from "../row.ts";
import type { WasiProcess, WasiRow } from "./row.ts";

type Bind = (row: Row, k: WasiProcess, helpers: typeof HELPERS) => TryFunction;

const HELPERS = { fault, told };

/** What the program is told. Below 0 only WOULD_BLOCK, which is the shim's. */
function told(answer: number): number {
  return answer === WOULD_BLOCK ? answer : wasiErrno(answer);
}

/** One row's handler, bound to a process: the shim's try. */
export function bindWasiTry(k: WasiProcess, row: WasiRow): TryFunction {
  const compiled = compileOnce(row, tries, trySource);
  if (compiled) return compiled(row, k, HELPERS);
  const { handler } = row;
  const { scheduler } = k;
  return (...args) => {
    if (scheduler.givesWay()) return WOULD_BLOCK;
    try {
      const answer = handler(k, ...args);
      return answer >= 0 ? 0 : told(answer);
    } catch (error) {
      return fault(row, error);
    }
  };
}

/** The shim's retry: (tid, ...args). */
export function bindWasiRetry(k: WasiProcess, row: WasiRow): TryFunction {
  const compiled = compileOnce(row, retries, retrySource);
  if (compiled) return compiled(row, k, HELPERS);
  const { handler } = row;
  const { scheduler } = k;
  return (tid, ...args) => {
    const ended = scheduler.resumed(tid as number);
    try {
      const answer = ended === 0 ? handler(k, ...args) : ended;
      if (answer !== WOULD_BLOCK) scheduler.finished();
      return answer >= 0 ? 0 : told(answer);
    } catch (error) {
      return fault(row, error);
    }
  };
}

const tries = new WeakMap<Row, Bind | null>();
const retries = new WeakMap<Row, Bind | null>();

function trySource(names: string): string {
  return `const { fault, told } = helpers; const { scheduler } = k; const h = row.handler;
return (${names}) => {
  if (scheduler.givesWay()) return ${WOULD_BLOCK};
  try {
    const answer = h(k${names && `, ${names}`});
    return answer >= 0 ? 0 : told(answer);
  } catch (error) { return fault(row, error); }
};`;
}

function retrySource(names: string): string {
  return `const { fault, told } = helpers; const { scheduler } = k; const h = row.handler;
return (tid${names && `, ${names}`}) => {
  const ended = scheduler.resumed(tid);
  try {
    const answer = ended === 0 ? h(k${names && `, ${names}`}) : ended;
    if (answer !== ${WOULD_BLOCK}) scheduler.finished();
    return answer >= 0 ? 0 : told(answer);
  } catch (error) { return fault(row, error); }
};`;
}
