import { describe, expect, it } from "vitest";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { generateShim, retryName, SHIM_IMPORTS } from "../../../kernel/shim/shim.ts";

type Call = (...args: number[]) => number;

/** Writes `entry` down and answers `result`. */
function note<Entry>(list: Entry[], entry: Entry, result: number): number {
  list.push(entry);
  return result;
}

function instantiate(tries: Record<string, Call>, park: () => number, retries: Record<string, Call> = {}) {
  const functions = [
    { name: "read", parameters: ["i32", "i32", "i32"], result: "i32" },
    { name: "lseek", parameters: ["i32", "f64", "i32"], result: "f64" },
    { name: "sched_yield", parameters: [], result: "i32" },
  ] as const;
  const imports: Record<string, Call> = { park };
  for (const { name } of functions) {
    imports[name] = tries[name] ?? (() => 0);
    imports[retryName(name)] = retries[name] ?? (() => 0);
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(generateShim(functions)), {
    [SHIM_IMPORTS]: imports,
  });
  return instance.exports as unknown as Record<"read" | "lseek" | "sched_yield", Call>;
}

describe("the shim", () => {
  it("passes arguments and results through and never parks without need", () => {
    const seen: number[][] = [];
    const shim = instantiate(
      {
        read: (...args) => note(seen, args, -9),
        lseek: (...args) => note(seen, args, 2 ** 52 + 1),
      },
      () => {
        throw new Error("parked");
      },
    );
    expect(shim.read(3, -1, 0x7fffffff)).toBe(-9);
    expect(shim.lseek(4, 2 ** 51 + 0.5, 2)).toBe(2 ** 52 + 1);
    expect(shim.sched_yield()).toBe(0);
    expect(seen).toEqual([
      [3, -1, 0x7fffffff],
      [4, 2 ** 51 + 0.5, 2],
    ]);
  });

  it("tries, parks and retries with the task and the same arguments until there is a result", () => {
    const log: string[] = [];
    let left = 3;
    const shim = instantiate(
      {
        read: (...args) => note(log, `try ${args}`, WOULD_BLOCK),
        lseek: () => WOULD_BLOCK,
        sched_yield: () => WOULD_BLOCK,
      },
      () => note(log, "park", 17),
      {
        read: (...args) => note(log, `retry ${args}`, --left > 0 ? WOULD_BLOCK : 42),
        lseek: (...args) => note(log, `retry ${args}`, 2 ** 40 + 0.5),
        sched_yield: (...args) => note(log, `retry ${args}`, 0),
      },
    );
    expect(shim.read(1, 2, 3)).toBe(42);
    expect(log.splice(0)).toEqual(["try 1,2,3", ...Array.from({ length: 3 }, () => ["park", "retry 17,1,2,3"]).flat()]);
    expect(shim.lseek(4, 1.5, 2)).toBe(2 ** 40 + 0.5);
    expect(shim.sched_yield()).toBe(0);
    expect(log).toEqual(["park", "retry 17,4,1.5,2", "park", "retry 17"]);
  });

  it("returns the errno with which a park ended, as the call's own type", () => {
    const shim = instantiate({ read: () => WOULD_BLOCK, lseek: () => WOULD_BLOCK }, () => 1, {
      read: () => -4,
      lseek: () => -4,
    });
    expect(shim.read(0, 0, 0)).toBe(-4);
    expect(shim.lseek(0, 0, 0)).toBe(-4);
  });
});
