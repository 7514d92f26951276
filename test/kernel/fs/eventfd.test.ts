import { describe, expect, it } from "vitest";
import { EAGAIN, EINVAL } from "../../../kernel/abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../../kernel/abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../../kernel/abi/poll.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { EFD_SEMAPHORE, sys_eventfd2 } from "../../../kernel/syscall/eventfd.ts";
import { TestKernel } from "../fixture.ts";

const MAX = 2n ** 64n - 2n;

function make(initial: number, flags: number) {
  const k = new TestKernel();
  const t = k.thread();
  const fd = sys_eventfd2(k, initial, flags);
  const file = k.fds.get(fd) as File;
  const write = (value: bigint) =>
    t.call(() => {
      k.mem.view.setBigUint64(64, value, true);
      return file.write(k, 64, 8);
    });
  const read = () => {
    const result = t.call(() => file.read(k, 72, 8));
    return result === 8 ? k.mem.view.getBigUint64(72, true) : result;
  };
  return { k, t, fd, file, write, read };
}

describe("eventfd(2)", () => {
  it("a read returns the counter and sets it to zero", () => {
    const { read, write } = make(3, O_NONBLOCK);
    expect(write(4n)).toBe(8);
    expect(read()).toBe(7n);
    expect(read()).toBe(-EAGAIN);
  });
  it("initval is unsigned", () => {
    expect(make(-1, O_NONBLOCK).read()).toBe(0xffffffffn);
  });
  it("EFD_SEMAPHORE: a read returns 1 and takes 1, over the 32-bit boundary too", () => {
    const { read, write } = make(0, EFD_SEMAPHORE | O_NONBLOCK);
    write(2n ** 32n + 1n);
    expect([read(), read(), read()]).toEqual([1n, 1n, 1n]);
    // 2^32 - 2 are left
    expect(write(MAX - (2n ** 32n - 2n))).toBe(8);
    expect(write(1n)).toBe(-EAGAIN);
  });
  it("takes up to 2^64-2; a write that would exceed it blocks until a read", () => {
    const { k, t, file, read, write } = make(0, 0);
    expect(write(MAX)).toBe(8);
    expect(file.poll(k) & (POLLIN | POLLOUT)).toBe(POLLIN);
    expect(write(1n)).toBe(WOULD_BLOCK);
    const other = k.thread();
    expect(other.call(() => file.read(k, 72, 8))).toBe(8);
    expect(k.mem.view.getBigUint64(72, true)).toBe(MAX);
    expect(t.retry()).toBe(8);
    expect(read()).toBe(1n);
  });
  it("refuses 2^64-1, and sizes below 8", () => {
    const { k, t, file, write } = make(0, 0);
    expect(write(2n ** 64n - 1n)).toBe(-EINVAL);
    expect(t.call(() => file.write(k, 64, 7))).toBe(-EINVAL);
    expect(t.call(() => file.read(k, 64, 7))).toBe(-EINVAL);
  });
  it("carries between its halves exactly", () => {
    const { read, write } = make(0, O_NONBLOCK);
    write(0xffffffffn);
    write(1n);
    write(2n ** 53n + 1n);
    expect(read()).toBe(2n ** 53n + 1n + 2n ** 32n);
  });
  it("a read of zero blocks until a write", () => {
    const { k, t, file, read, write } = make(0, 0);
    expect(read()).toBe(WOULD_BLOCK);
    const other = k.thread();
    k.mem.view.setBigUint64(64, 5n, true);
    expect(other.call(() => file.write(k, 64, 8))).toBe(8);
    expect(t.retry()).toBe(8);
    expect(file.poll(k) & POLLIN).toBe(0);
    expect(write(0n)).toBe(8);
  });
  it("knows its flags", () => {
    const k = new TestKernel();
    expect(sys_eventfd2(k, 0, 2)).toBe(-EINVAL);
    const fd = sys_eventfd2(k, 0, O_CLOEXEC | O_NONBLOCK);
    expect(k.fds.isCloexec(fd)).toBe(true);
    expect((k.fds.get(fd) as File).flags & O_NONBLOCK).toBe(O_NONBLOCK);
  });
});
