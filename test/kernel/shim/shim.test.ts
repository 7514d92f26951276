import { describe, expect, it } from "vitest";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { generateShim, SHIM_IMPORTS } from "../../../kernel/shim/shim.ts";

type Call = (...args: number[]) => number;

/** Writes `entry` down and answers `result`. */
function note<Entry>(list: Entry[], entry: Entry, result: number): number {
  list.push(entry);
  return result;
}

function instantiate(
  tries: Record<string, Call>,
  park: () => number,
  resumed: (tid: number) => number,
  finished: () => void = () => {},
) {
  const functions = [
    { name: "read", parameters: ["i32", "i32", "i32"], result: "i32" },
    { name: "lseek", parameters: ["i32", "f64", "i32"], result: "f64" },
    { name: "sched_yield", parameters: [], result: "i32" },
  ] as const;
  const idle: Record<string, Call> = { read: () => 0, lseek: () => 0, sched_yield: () => 0 };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(generateShim(functions)), {
    [SHIM_IMPORTS]: { ...idle, ...tries, park, resumed, finished },
  });
  return instance.exports as unknown as Record<"read" | "lseek" | "sched_yield", Call>;
}

describe("the shim", () => {
  it("passes arguments and results through and never parks without need", () => {
    const seen: number[][] = [];
    const never = (): number => {
      throw new Error("parked");
    };
    const shim = instantiate(
      {
        read: (...args) => note(seen, args, -9),
        lseek: (...args) => note(seen, args, 2 ** 52 + 1),
      },
      never,
      never,
    );
    expect(shim.read(3, -1, 0x7fffffff)).toBe(-9);
    expect(shim.lseek(4, 2 ** 51 + 0.5, 2)).toBe(2 ** 52 + 1);
    expect(seen).toEqual([
      [3, -1, 0x7fffffff],
      [4, 2 ** 51 + 0.5, 2],
    ]);
  });

  it("tries, parks and tries again with the same arguments until there is a result", () => {
    const log: string[] = [];
    let left = 3;
    const shim = instantiate(
      { read: (...args) => note(log, `read ${args}`, left-- > 0 ? WOULD_BLOCK : 42) },
      () => note(log, "park", 17),
      (tid) => note(log, `resumed ${tid}`, 0),
    );
    expect(shim.read(1, 2, 3)).toBe(42);
    expect(log).toEqual([
      ...Array.from({ length: 3 }, () => ["read 1,2,3", "park", "resumed 17"]).flat(),
      "read 1,2,3",
    ]);
  });

  it("tells that a call is over that has parked, and only then", () => {
    let told = 0;
    let left = 2;
    const shim = instantiate(
      { read: () => (left-- > 0 ? WOULD_BLOCK : 42), sched_yield: () => 7 },
      () => 17,
      () => 0,
      () => told++,
    );
    expect([shim.sched_yield(), told]).toEqual([7, 0]);
    expect([shim.read(1, 2, 3), told]).toEqual([42, 1]);
    expect([shim.read(1, 2, 3), told]).toEqual([42, 1]);
  });

  it("returns the errno with which a park ended, as the call's own type", () => {
    const shim = instantiate(
      { read: () => WOULD_BLOCK, lseek: () => WOULD_BLOCK },
      () => 1,
      () => -4,
    );
    expect(shim.read(0, 0, 0)).toBe(-4);
    expect(shim.lseek(0, 0, 0)).toBe(-4);
  });
});
