/**
 * What the shim does for Linux programs: it converts between the program's types and the kernel's, and runs signal handlers, from Wasm: a
 * handler may make calls and be left by an exception.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import {
  generateShim,
  HANDLER_RETURNED,
  HANDLER_RETURNS,
  HANDLER_TABLE,
  RUN_HANDLER,
  retryName,
  SHIM_IMPORTS,
  type ShimFunction,
} from "../../../kernel/shim/shim.ts";
import { I32, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

const FUNCTIONS: readonly ShimFunction[] = [
  { name: "kill", parameters: ["i32", "i64"], result: "i64", handler: { parameters: ["i32", "i32"], result: "i32" } },
  { name: "mmap", parameters: ["i64"], result: "i32", handler: { parameters: ["f64", "i32"], result: "f64" } },
  { name: "exit", parameters: ["i32", "i32", "i32"], result: "void", handler: { parameters: ["i32"], result: "i32" } },
];

let log: unknown[];
/** What tries and retries answer, in order. */
let answers: number[];
let parks: number;
let handlerType: number;
let exports: Record<"kill" | "mmap" | "exit", (...args: (number | bigint)[]) => number | bigint | undefined>;
let table: WebAssembly.Table;

beforeEach(() => {
  log = [];
  answers = [];
  parks = 0;
  handlerType = 1;
  const imports: Record<string, (...args: number[]) => number> = {
    park: () => 100 + parks++,
    signo: () => 10,
    siginfo: () => 2000,
    ucontext: () => 3000,
    handlerType: () => handlerType,
  };
  for (const { name } of FUNCTIONS) {
    for (const key of [name, retryName(name)]) {
      imports[key] = (...args) => {
        log.push([key, ...args]);
        const answer = answers.shift();
        if (answer === undefined) throw new Error("asked too often");
        return answer;
      };
    }
  }
  const module = new WebAssembly.Module(generateShim(FUNCTIONS, true));
  const instance = new WebAssembly.Instance(module, { [SHIM_IMPORTS]: imports });
  exports = instance.exports as typeof exports;
  table = instance.exports[HANDLER_TABLE] as WebAssembly.Table;
});

/** A Wasm function of `parameters` times i32, that calls `note` with them and returns 99 if it `returns`. */
function handler(parameters: number, returns: boolean, note: (...args: number[]) => void): void {
  const args = new Array<number>(parameters).fill(I32);
  const types = new WasmWriter().u32(2).byte(0x60).u32(parameters);
  types
    .byte(...args)
    .u32(0)
    .byte(0x60)
    .u32(parameters);
  types.byte(...args).u32(returns ? 1 : 0);
  if (returns) types.byte(I32);
  const body = new WasmWriter().u32(0);
  for (let index = 0; index < parameters; index++) body.byte(0x20).u32(index);
  body.byte(0x10, 0);
  if (returns) body.byte(0x41).s32(99);
  const bytes = new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, new WasmWriter().u32(1).name("t").name("note").byte(0).u32(0))
    .section(3, new WasmWriter().u32(1).u32(1))
    .section(7, new WasmWriter().u32(1).name("h").byte(0).u32(1))
    .section(10, new WasmWriter().u32(1).sized(body.byte(0x0b)))
    .toUint8Array();
  const { h } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { t: { note } }).exports;
  table.set(0, h);
  handlerType = parameters + (returns ? HANDLER_RETURNS : 0);
}

describe("conversions", () => {
  it("widen, wrap and drop, as the two sides want it", () => {
    answers = [-1, 2 ** 31 + 4096, 0];
    expect(exports.kill(5, 0x1_0000_0007n)).toBe(-1n);
    expect(exports.mmap(-(2n ** 52n))).toBe(-(2 ** 31) + 4096); // an address is unsigned, as i32 on the wire
    expect(exports.exit(1, 2, 3)).toBe(undefined);
    expect(log).toEqual([
      ["kill", 5, 7],
      ["mmap", -(2 ** 52), 0],
      ["exit", 1],
    ]);
  });
});

describe("signal handlers", () => {
  for (const [parameters, args] of [[], [10], [10, 2000], [10, 2000, 3000]].entries()) {
    for (const returns of [false, true]) {
      it(`get ${parameters} arguments, and may return ${returns ? "something" : "nothing"}`, () => {
        handler(parameters, returns, (...given) => void log.push(given));
        answers = [RUN_HANDLER, -4];
        expect(exports.kill(1, 2n)).toBe(-4n);
        expect(log).toEqual([["kill", 1, 2], args, ["retry kill", HANDLER_RETURNED, 1, 2]]);
      });
    }
  }

  it("run one after the other, between parks, until there is a result", () => {
    handler(1, false, () => void log.push("handler"));
    answers = [WOULD_BLOCK, RUN_HANDLER, RUN_HANDLER, WOULD_BLOCK, RUN_HANDLER, 7];
    expect(exports.mmap(4n)).toBe(7);
    expect(log).toEqual([
      ["mmap", 4, 0],
      ["retry mmap", 100, 4, 0],
      "handler",
      ["retry mmap", HANDLER_RETURNED, 4, 0],
      "handler",
      ["retry mmap", HANDLER_RETURNED, 4, 0],
      ["retry mmap", 101, 4, 0],
      "handler",
      ["retry mmap", HANDLER_RETURNED, 4, 0],
    ]);
  });

  it("run for calls without a result, too", () => {
    handler(0, false, () => void log.push("handler"));
    answers = [RUN_HANDLER, 0];
    expect(exports.exit(9, 9, 9)).toBe(undefined);
    expect(log).toEqual([["exit", 9], "handler", ["retry exit", HANDLER_RETURNED, 9]]);
  });

  it("make calls themselves, and are interrupted by other handlers", () => {
    const outer = (): void => {
      log.push("outer");
      handler(0, false, () => void log.push("inner"));
      answers.unshift(RUN_HANDLER, 3);
      expect(exports.kill(7, 7n)).toBe(3n);
    };
    handler(1, false, outer);
    answers = [RUN_HANDLER, 1];
    expect(exports.kill(1, 1n)).toBe(1n);
    expect(log).toEqual([
      ["kill", 1, 1],
      "outer",
      ["kill", 7, 7],
      "inner",
      ["retry kill", HANDLER_RETURNED, 7, 7],
      ["retry kill", HANDLER_RETURNED, 1, 1],
    ]);
  });

  it("are left by an exception, which the shim lets pass", () => {
    handler(1, false, () => {
      throw new RangeError("longjmp");
    });
    answers = [RUN_HANDLER];
    expect(() => exports.kill(1, 1n)).toThrow(new RangeError("longjmp"));
    answers = [0];
    expect(exports.kill(2, 2n)).toBe(0n);
  });

  it("of another type than is said trap, and nothing else happens", () => {
    handler(1, false, () => {});
    handlerType = 2;
    answers = [RUN_HANDLER];
    expect(() => exports.kill(1, 1n)).toThrow(WebAssembly.RuntimeError);
    table.set(0, null);
    answers = [RUN_HANDLER];
    expect(() => exports.kill(1, 1n)).toThrow(WebAssembly.RuntimeError);
  });
});
