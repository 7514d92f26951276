/**
 * Dispatch: turns rows of the table into the functions that a guest imports.
 *
 * There is one catch point, `fault`: whatever a handler throws ends there. GuestExit passes on (it unwinds the guest's stack by
 * intention); anything else is a bug of the kernel, and the machine panics with the name of the call. Handlers are tried once per
 * call of the returned function; the shim calls again after a park.
 */
import { ENOSYS } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { WOULD_BLOCK } from "../sched/task.ts";
import type { FunctionType } from "../shim/wasm-reader.ts";
import { I64 } from "../shim/wasm-writer.ts";
import { GuestExit, GuestTrap, KernelPanic } from "./guest-exit.ts";
import type { Row } from "./row.ts";

export type TryFunction = (...args: number[]) => number;

/** One row's handler, bound to a machine. Written out by arity: a rest parameter would allocate an array on every call. */
export function bindHandler(k: Kernel, row: Row): TryFunction {
  const h = row.handler;
  switch (row.parameters.length) {
    case 0:
      return () => {
        try {
          return finish(k, h(k));
        } catch (error) {
          return fault(row, error);
        }
      };
    case 1:
      return (a) => {
        try {
          return finish(k, h(k, a as number));
        } catch (error) {
          return fault(row, error);
        }
      };
    case 2:
      return (a, b) => {
        try {
          return finish(k, h(k, a as number, b as number));
        } catch (error) {
          return fault(row, error);
        }
      };
    case 3:
      return (a, b, c) => {
        try {
          return finish(k, h(k, a as number, b as number, c as number));
        } catch (error) {
          return fault(row, error);
        }
      };
    case 4:
      return (a, b, c, d) => {
        try {
          return finish(k, h(k, a as number, b as number, c as number, d as number));
        } catch (error) {
          return fault(row, error);
        }
      };
    default:
      return (...args) => {
        try {
          return finish(k, h(k, ...args));
        } catch (error) {
          return fault(row, error);
        }
      };
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

function finish(k: Kernel, result: number): number {
  const task = k.current;
  if (task.retrying && result !== WOULD_BLOCK) {
    task.retrying = false;
    task.inflight = null;
  }
  return result;
}

function fault(row: Row, error: unknown): never {
  if (error instanceof GuestExit || error instanceof GuestTrap || error instanceof KernelPanic) throw error;
  throw new KernelPanic(`${row.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
