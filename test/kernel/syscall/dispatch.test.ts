/**
 * The functions that a guest imports for a row: the same with code generation and without (a content security policy).
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Kernel } from "../../../kernel/kernel.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { bindHandler, bindRetry } from "../../../kernel/syscall/dispatch.ts";
import { GuestExit, KernelPanic } from "../../../kernel/syscall/guest-exit.ts";
import { row } from "../../../kernel/syscall/row.ts";

describe.each(["generated", "shared"])("dispatch, %s functions", (kind) => {
  const original = globalThis.Function;
  const log: string[] = [];
  const kernel = {
    scheduler: {
      resumed: (tid: number) => (tid === 4 ? -4 : 0),
      finished: () => void log.push("finished"),
    },
  } as unknown as Kernel;

  beforeEach(() => {
    log.length = 0;
    if (kind === "generated") return;
    vi.stubGlobal("Function", () => {
      throw new EvalError("code generation from strings disallowed");
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    expect(globalThis.Function).toBe(original);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])("passes the machine and %i arguments", (count) => {
    const signature = Array.from({ length: count }, (_, index) => `p${index}:i32`).join(" ");
    const seen: unknown[][] = [];
    const subject = row(1, "sum", signature, (...args) => {
      seen.push(args);
      return args.length;
    });
    const args = Array.from({ length: count }, (_, index) => index + 10);
    expect(bindHandler(kernel, subject)(...args)).toBe(count + 1);
    expect(bindRetry(kernel, subject)(7, ...args)).toBe(count + 1);
    expect(seen).toEqual([
      [kernel, ...args],
      [kernel, ...args],
    ]);
    expect(log).toEqual(["finished"]);
  });

  it("answers the errno of an interrupted park without trying", () => {
    const subject = row(1, "never", "fd:fd", () => {
      throw new Error("tried");
    });
    expect(bindRetry(kernel, subject)(4, 1)).toBe(-4);
  });

  it("leaves a call open that would block again", () => {
    expect(
      bindRetry(
        kernel,
        row(1, "waits", "", () => WOULD_BLOCK),
      )(7),
    ).toBe(WOULD_BLOCK);
    expect(log).toEqual([]);
  });

  it("turns what a handler throws into a panic that names the call, but lets exits pass", () => {
    const broken = row(1, "broken", "fd:fd", () => {
      throw new TypeError("undefined is not a function");
    });
    for (const bind of [bindHandler, bindRetry]) {
      expect(() => bind(kernel, broken)(1, 2)).toThrow(new KernelPanic("broken: undefined is not a function"));
    }
    const exits = row(2, "exits", "", () => {
      throw new GuestExit(3);
    });
    expect(() => bindHandler(kernel, exits)()).toThrow(GuestExit);
  });
});
