import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EDEADLK, EFAULT, EINVAL, ENOSYS, ESRCH } from "../../../kernel/abi/errno.ts";
import { CallMachine } from "./call-module.ts";

describe("process, time and thread calls", () => {
  let guest: CallMachine;
  const call = (name: string, ...args: number[]): number => guest.calls[name]?.(...args) as number;
  const text = (ptr: number, length: number): string =>
    new TextDecoder().decode(new Uint8Array(guest.memory.buffer, ptr, length));
  const view = (): DataView => new DataView(guest.memory.buffer);

  beforeAll(async () => {
    guest = await CallMachine.boot({
      name: "box",
      args: ["one", "zwei ü"],
      env: { HOME: "/root", E: "" },
      seed: 7,
      memory: "1mb",
    });
  });
  afterAll(async () => {
    await guest.machine.stop({ timeoutMs: 0 });
  });

  it("is process 1, without a parent", () => {
    expect([call("getpid"), call("getppid"), call("gettid")]).toEqual([1, 0, 1]);
  });

  it("hands out arguments: arg_count, arg_length, arg_copy", () => {
    expect(call("arg_count")).toBe(3);
    expect(call("arg_length", 2)).toBe(7);
    expect(call("arg_copy", 2, 2048, 100)).toBe(7);
    expect(text(2048, 7)).toBe("zwei ü");
    expect(call("arg_copy", 1, 2048, 2)).toBe(2);
    for (const index of [-1, 3, 0x7fffffff]) {
      expect(call("arg_length", index)).toBe(-EINVAL);
      expect(call("arg_copy", index, 2048, 10)).toBe(-EINVAL);
    }
    expect(call("arg_copy", 0, 2048, -1)).toBe(-EINVAL);
  });

  it("hands out the environment: env_count, env_length, env_copy", () => {
    const all = Array.from({ length: call("env_count") }, (_, index) => {
      expect(call("env_copy", index, 2048, 100)).toBe(call("env_length", index));
      return text(2048, call("env_length", index));
    });
    expect(all).toEqual(expect.arrayContaining(["HOME=/root", "E="]));
    expect(call("env_length", all.length)).toBe(-EINVAL);
  });

  it("fills getrandom from the seed: two machines with one seed agree", async () => {
    const other = await CallMachine.boot({ seed: 7 });
    expect(call("getrandom", 2048, 64, 0)).toBe(64);
    expect((other.calls.getrandom as (...args: number[]) => number)(2048, 64, 0)).toBe(64);
    const bytes = new Uint8Array(guest.memory.buffer, 2048, 64);
    expect([...bytes]).toEqual([...new Uint8Array(other.memory.buffer, 2048, 64)]);
    expect(new Set(bytes).size).toBeGreaterThan(16);
    expect(call("getrandom", 2048, 0, 0)).toBe(0);
    expect(call("getrandom", 2048, -1, 0)).toBe(-EINVAL);
    expect(call("getrandom", 2048, 8, 0x100)).toBe(-EINVAL);
    await other.machine.stop({ timeoutMs: 0 });
  });

  it("tells uname, sysinfo and memory_limit", () => {
    expect(call("uname", 2048)).toBe(0);
    expect(text(2048, 5)).toBe("Linux");
    expect(text(2048 + 65, 3)).toBe("box");
    expect(call("memory_limit")).toBe(2 ** 20);
    expect(call("sysinfo", 2048)).toBe(0);
    expect(view().getBigUint64(2048 + 32, true)).toBe(BigInt(2 ** 20));
    expect(view().getUint32(2048 + 104, true)).toBe(1);
  });

  it("tells the time: clock_gettime and clock_ms", () => {
    const before = Date.now();
    const ms = call("clock_ms", 0);
    expect(ms).toBeGreaterThanOrEqual(before - 2);
    expect(ms).toBeLessThan(Date.now() + 2);
    const first = call("clock_ms", 1);
    expect(call("clock_ms", 1)).toBeGreaterThanOrEqual(first);
    expect(call("clock_ms", 99)).toBe(-EINVAL);
    expect(call("clock_gettime", 0, 2048)).toBe(0);
    const seconds = Number(view().getBigInt64(2048, true));
    const nanoseconds = Number(view().getBigInt64(2056, true));
    expect(Math.abs(seconds * 1000 + nanoseconds / 1e6 - ms)).toBeLessThan(2000);
    expect(nanoseconds).toBeLessThan(1e9);
    expect(call("clock_gettime", -3, 2048)).toBe(-EINVAL);
  });

  it("refuses to block where there is no stack to park: sleep_ms, futex, thread_join", () => {
    expect(call("sleep_ms", 5)).toBe(-EDEADLK);
    expect(call("sleep_ms", -5)).toBe(-EINVAL);
    expect(call("sleep_ms", Number.NaN)).toBe(-EINVAL);
    expect(call("sched_yield")).toBe(0);
    view().setInt32(4096, 1, true);
    expect(call("futex", 4096, 0, 1, -1)).toBe(-EDEADLK);
    expect(call("futex", 4096, 0, 2, -1)).toBe(-11); // EAGAIN: another value
    expect(call("futex", 4097, 0, 1, -1)).toBe(-EINVAL);
    expect(call("futex", 4096, 1, 5, -1)).toBe(0);
    expect(call("futex", 4096, 77, 0, -1)).toBe(-ENOSYS);
    expect(call("thread_join", 4711, 0)).toBe(-ESRCH);
    expect(call("thread_join", 4711, -4)).toBe(-EFAULT);
    expect(call("thread_spawn", 0, 0)).toBe(-ENOSYS); // this guest exports no thread_entry
  });

  it.each(["exit", "exit_group"])("ends the machine by %s, with its status", async (name) => {
    const { machine, calls } = await CallMachine.boot();
    expect(() => (calls[name] as (...args: number[]) => number)(0x103)).toThrow("exit(3)");
    expect(await machine.exited).toEqual({ code: 3, reason: null });
  });
});
