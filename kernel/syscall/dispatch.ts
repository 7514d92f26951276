/**
 * Dispatch: turns rows of the table into the functions that a guest imports.
 *
 * There is one catch point, `fault`: whatever a handler throws ends there. GuestExit passes on (it unwinds the guest's stack by
 * intention); anything else is a bug of the kernel, and the machine panics with the name of the call. Handlers are tried once per
 * call of the returned function; the shim calls again after a park.
 */
import { ENOSYS } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { LongJump } from "../process/engine-setjmp.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import type { FunctionType } from "../shim/wasm-reader.ts";
import { I64 } from "../shim/wasm-writer.ts";
import { GuestExit, GuestTrap, KernelPanic, ProgramReplaced } from "./guest-exit.ts";
import type { Row } from "./row.ts";

export type TryFunction = (...args: number[]) => number;

/**
 * One row's handler, bound to a machine.
 *
 * Each row gets functions of its own source, because closures made from one literal share their type feedback: the call of the handler
 * would be megamorphic and never inlined. Where code generation is forbidden (a content security policy), a shared literal does the same,
 * slower.
 */
export function bindHandler(k: Kernel, row: Row): TryFunction {
  const names = parameterNames(row);
  const source = `return (${names}) => {
  try { return h(k${names && `, ${names}`}); } catch (error) { return fault(row, error); }
};`;
  const bound = generate(source, k, row);
  if (bound) return bound;
  const { handler } = row;
  return (...args) => {
    try {
      return handler(k, ...args);
    } catch (error) {
      return fault(row, error);
    }
  };
}

/**
 * The shim's `retry`: (tid, ...args). Tells the scheduler who runs; a park that ended with an errno answers that, else the handler is
 * tried again.
 */
export function bindRetry(k: Kernel, row: Row): TryFunction {
  const names = parameterNames(row);
  const source = `return (tid${names && `, ${names}`}) => {
  const errno = k.scheduler.resumed(tid);
  if (errno !== 0) { k.scheduler.finished(); return errno; }
  try {
    const result = h(k${names && `, ${names}`});
    if (result !== ${WOULD_BLOCK}) k.scheduler.finished();
    return result;
  } catch (error) { return fault(row, error); }
};`;
  const bound = generate(source, k, row);
  if (bound) return bound;
  const attempt = bindHandler(k, row);
  return (tid, ...args) => {
    const errno = k.scheduler.resumed(tid as number);
    if (errno !== 0) {
      k.scheduler.finished();
      return errno;
    }
    const result = attempt(...args);
    if (result !== WOULD_BLOCK) k.scheduler.finished();
    return result;
  };
}

/**
 * For personalities that several processes can have: what a source over `row`, `k` and `helpers` comes to, compiled once per row and kept in `known`,
 * so that all processes share its type feedback. `source` is given the names of the handler's arguments. Null where code generation is forbidden.
 */
export function compileOnce<Bind>(
  row: Row,
  known: WeakMap<Row, Bind | null>,
  source: (names: string) => string,
): Bind | null {
  let bind = known.get(row);
  if (bind === undefined) {
    try {
      bind = new Function("row", "k", "helpers", source(parameterNames(row))) as Bind;
    } catch {
      bind = null;
    }
    known.set(row, bind);
  }
  return bind;
}

/** The names of a handler's arguments, in a source that is generated. */
function parameterNames(row: Row): string {
  return row.parameters.map(({ kind }, index) => (kind === "u64" ? `a${index}, b${index}` : `a${index}`)).join(", ");
}

/** Evaluates a source over the handler `h`, `k`, `row` and `fault`; null where code generation is forbidden. */
function generate(source: string, k: Kernel, row: Row): TryFunction | null {
  try {
    return new Function("h", "k", "row", "fault", source)(row.handler, k, row, fault) as TryFunction;
  } catch {
    return null;
  }
}

/** A call that the table does not have: `answer`, which is the personality's ENOSYS, and reported by name the first time. */
export function unknownCall(
  k: Kernel,
  personality: string,
  name: string,
  type: FunctionType,
  answer = -ENOSYS,
): () => number | bigint {
  let reported = false;
  const wide = type.results[0] === I64;
  return () => {
    if (!reported) {
      reported = true;
      k.log(
        `unknown system call ${personality}.${name}: answered ENOSYS (the README files in kernel/syscall list those that there are)`,
      );
    }
    return wide ? BigInt(answer) : answer;
  };
}

/** The catch point of every handler. */
export function fault(row: Row, error: unknown): never {
  if (error instanceof GuestExit || error instanceof GuestTrap || error instanceof KernelPanic) throw error;
  if (error instanceof ProgramReplaced || error instanceof LongJump) throw error;
  throw new KernelPanic(`${row.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
