/**
 * Dispatch: turns rows of the table into the functions that a guest imports.
 *
 * There is one catch point, `fault`: whatever a handler throws ends there. GuestExit passes on (it unwinds the guest's stack by
 * intention); anything else is a bug of the kernel, and the machine panics with the name of the call. Handlers are tried once per
 * call of the returned function; the shim calls again after a park.
 */
import { ENOSYS } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { FunctionType } from "../shim/wasm-reader.ts";
import { I64 } from "../shim/wasm-writer.ts";
import { GuestExit, GuestTrap, KernelPanic } from "./guest-exit.ts";
import type { Row } from "./row.ts";

export type TryFunction = (...args: number[]) => number;

type Binder = (h: Row["handler"], k: Kernel, row: Row, fault: (row: Row, error: unknown) => never) => TryFunction;

/**
 * One row's handler, bound to a machine.
 *
 * Each row gets a function of its own source, because closures made from one literal share their type feedback: the call of the handler
 * would be megamorphic and never inlined (measured: 9 ns more for a null system call of 10). Where code generation is forbidden (a
 * content security policy), the shared literal does the same, slower.
 */
export function bindHandler(k: Kernel, row: Row): TryFunction {
  const { handler } = row;
  const binder = generateBinder(row.parameters.length);
  if (binder) return binder(handler, k, row, fault);
  return (...args) => {
    try {
      return handler(k, ...args);
    } catch (error) {
      return fault(row, error);
    }
  };
}

/** A fresh binder on every call: its inner function is a literal of its own. Null where code generation is forbidden. */
function generateBinder(parameters: number): Binder | null {
  const names = Array.from({ length: parameters }, (_, index) => `a${index}`);
  const source = `return (${names.join(", ")}) => {
  try { return h(${["k", ...names].join(", ")}); } catch (error) { return fault(row, error); }
};`;
  try {
    return new Function("h", "k", "row", "fault", source) as Binder;
  } catch {
    return null;
  }
}

/** A call that the table does not have: -ENOSYS, reported by name the first time. */
export function unknownCall(k: Kernel, personality: string, name: string, type: FunctionType): () => number | bigint {
  let reported = false;
  const wide = type.results[0] === I64;
  return () => {
    if (!reported) {
      reported = true;
      k.log(
        `unknown system call ${personality}.${name}: answered ENOSYS (the supported ones are in kernel/syscall/README.md)`,
      );
    }
    return wide ? BigInt(-ENOSYS) : -ENOSYS;
  };
}

function fault(row: Row, error: unknown): never {
  if (error instanceof GuestExit || error instanceof GuestTrap || error instanceof KernelPanic) throw error;
  throw new KernelPanic(`${row.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
