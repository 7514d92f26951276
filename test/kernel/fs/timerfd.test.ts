import { describe, expect, it } from "vitest";
import { EAGAIN, EBADF, EFAULT, EINVAL } from "../../../kernel/abi/errno.ts";
import { O_NONBLOCK } from "../../../kernel/abi/fcntl.ts";
import { POLLIN } from "../../../kernel/abi/poll.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, TFD_TIMER_ABSTIME } from "../../../kernel/abi/time.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { sys_eventfd2 } from "../../../kernel/syscall/eventfd.ts";
import { sys_timerfd_create, sys_timerfd_gettime, sys_timerfd_settime } from "../../../kernel/syscall/timerfd.ts";
import { TestKernel } from "../fixture.ts";

const SPEC = 64;
const OLD = 128;

function make(clockid = CLOCK_MONOTONIC, flags = O_NONBLOCK) {
  const k = new TestKernel();
  const t = k.thread();
  const fd = sys_timerfd_create(k, clockid, flags);
  const file = k.fds.get(fd) as File;
  const spec = (ptr: number, valueNs: number, intervalNs: number) => {
    k.mem.setI64(ptr, Math.floor(intervalNs / 1e9));
    k.mem.setI64(ptr + 8, intervalNs % 1e9);
    k.mem.setI64(ptr + 16, Math.floor(valueNs / 1e9));
    k.mem.setI64(ptr + 24, valueNs % 1e9);
  };
  const set = (valueNs: number, intervalNs = 0, settimeFlags = 0) => {
    spec(SPEC, valueNs, intervalNs);
    return t.call(() => sys_timerfd_settime(k, fd, settimeFlags, SPEC, OLD));
  };
  const read = () => {
    const result = t.call(() => file.read(k, 200, 8));
    return result === 8 ? k.mem.getI64(200) : result;
  };
  const nanoseconds = (ptr: number) => k.mem.getI64(ptr) * 1e9 + k.mem.getI64(ptr + 8);
  const left = () => {
    expect(t.call(() => sys_timerfd_gettime(k, fd, OLD))).toBe(0);
    return [nanoseconds(OLD + 16), nanoseconds(OLD)];
  };
  return { k, t, fd, file, set, read, left, nanoseconds };
}

describe("timerfd(2)", () => {
  it("expires once, is readable then, and the read takes the count", () => {
    const { k, file, set, read } = make();
    expect(set(5e6)).toBe(0);
    expect(read()).toBe(-EAGAIN);
    k.advance(4);
    expect(file.poll(k) & POLLIN).toBe(0);
    k.advance(1);
    expect(file.poll(k) & POLLIN).toBe(POLLIN);
    expect(read()).toBe(1);
    expect(read()).toBe(-EAGAIN);
    k.advance(100);
    expect(read()).toBe(-EAGAIN);
  });
  it("a blocked read is woken by the expiration", () => {
    const { k, t, set, read } = make(CLOCK_MONOTONIC, 0);
    set(1e6);
    expect(read()).toBe(WOULD_BLOCK);
    k.advance(1);
    expect(t.retry()).toBe(8);
  });
  it("counts the expirations of a periodic timer that nobody read", () => {
    const { k, set, read, left } = make();
    set(10e6, 3e6);
    k.advance(10);
    k.advance(7);
    expect(read()).toBe(3); // at 10, 13, 16
    expect(left()).toEqual([2e6, 3e6]);
    k.advance(2);
    expect(read()).toBe(1);
  });
  it("an interval of a nanosecond costs one timer, not a flood", () => {
    const { k, set, read } = make();
    set(1, 1);
    k.advance(1000);
    const count = read() as number;
    expect(count).toBeGreaterThan(0.99e9);
    expect(count).toBeLessThan(1.01e9);
  });
  it("settime gives back what was left, and forgets unread expirations", () => {
    const { k, set, read, nanoseconds } = make();
    set(10e6, 5e6);
    k.advance(4);
    set(1e6);
    expect([nanoseconds(OLD + 16), nanoseconds(OLD)]).toEqual([6e6, 5e6]);
    k.advance(2);
    set(20e6);
    expect(nanoseconds(OLD + 16)).toBe(0);
    expect(read()).toBe(-EAGAIN);
  });
  it("a zero value disarms", () => {
    const { k, set, read, left } = make();
    set(5e6);
    set(0, 7e6);
    k.advance(100);
    expect(read()).toBe(-EAGAIN);
    expect(left()[0]).toBe(0);
  });
  it("absolute times, on both clocks, in the past too", () => {
    for (const clockid of [CLOCK_MONOTONIC, CLOCK_REALTIME]) {
      const { k, set, read } = make(clockid);
      k.advance(1000);
      const base = clockid === CLOCK_REALTIME ? 1_700_000_000_000 : 0;
      set((base + 1003) * 1e6, 0, TFD_TIMER_ABSTIME);
      k.advance(2.9);
      expect(read()).toBe(-EAGAIN);
      k.advance(0.2);
      expect(read()).toBe(1);
      set((base + 1) * 1e6, 0, TFD_TIMER_ABSTIME);
      k.advance(0);
      expect(read()).toBe(1);
    }
  });
  it("what is left of an armed timer is never zero, and seconds carry", () => {
    const { k, set, left } = make();
    set(2_999_999_999);
    expect(left()[0]).toBe(2_999_999_999);
    k.advance(2999.9999985);
    expect(left()[0]).toBeGreaterThan(0);
  });
  it("closing disarms", () => {
    const { k, fd, set } = make();
    set(5e6);
    k.fds.close(k, fd);
    expect(k.timers.length).toBe(0);
  });
  it("refuses bad clocks, flags, times, pointers and descriptors", () => {
    const { k, fd, file, set } = make();
    expect(sys_timerfd_create(k, 42, 0)).toBe(-EINVAL);
    expect(sys_timerfd_create(k, CLOCK_MONOTONIC, 1)).toBe(-EINVAL);
    expect(set(1, 0, 8)).toBe(-EINVAL);
    k.mem.setI64(SPEC + 24, 1e9);
    expect(sys_timerfd_settime(k, fd, 0, SPEC, 0)).toBe(-EINVAL);
    k.mem.setI64(SPEC + 24, -1);
    expect(sys_timerfd_settime(k, fd, 0, SPEC, 0)).toBe(-EINVAL);
    k.mem.setI64(SPEC + 24, 5);
    expect(sys_timerfd_settime(k, fd, 0, -8, 0)).toBe(-EFAULT);
    expect(sys_timerfd_settime(k, fd, 0, SPEC, -8)).toBe(-EFAULT);
    expect(sys_timerfd_gettime(k, fd, -8)).toBe(-EFAULT);
    expect(sys_timerfd_settime(k, 99, 0, SPEC, 0)).toBe(-EBADF);
    const event = sys_eventfd2(k, 0, 0);
    expect(sys_timerfd_settime(k, event, 0, SPEC, 0)).toBe(-EINVAL);
    expect(file.write(k, 0, 8)).toBe(-EINVAL);
    expect(file.read(k, 0, 7)).toBe(-EINVAL);
    expect(k.timers.length).toBe(0);
  });
});
