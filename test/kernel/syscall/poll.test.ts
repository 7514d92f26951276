import { describe, expect, it } from "vitest";
import { EFAULT, EINVAL } from "../../../kernel/abi/errno.ts";
import { O_NONBLOCK } from "../../../kernel/abi/fcntl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT } from "../../../kernel/abi/poll.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { sys_pipe2 } from "../../../kernel/syscall/pipe.ts";
import { sys_poll } from "../../../kernel/syscall/poll.ts";
import { TestKernel } from "../fixture.ts";

const FDS = 512;

function make() {
  const k = new TestKernel();
  const t = k.thread();
  sys_pipe2(k, 16, O_NONBLOCK);
  const r = k.mem.getI32(16);
  const w = k.mem.getI32(20);
  const entry = (i: number, fd: number, events: number) => {
    k.mem.setU32(FDS + 8 * i, fd);
    k.mem.setU16(FDS + 8 * i + 4, events);
    k.mem.setU16(FDS + 8 * i + 6, 0xffff);
  };
  const revents = (i: number) => k.mem.getU16(FDS + 8 * i + 6);
  const poll = (n: number, timeout: number) => t.call(() => sys_poll(k, FDS, n, timeout));
  return { k, t, r, w, entry, revents, poll };
}

describe("poll(2)", () => {
  it("counts the entries with something to say, and ignores negative descriptors", () => {
    const { entry, revents, poll, r, w } = make();
    entry(0, r, POLLIN);
    entry(1, w, POLLOUT);
    entry(2, -1, POLLIN);
    entry(3, 99, POLLIN);
    expect(poll(4, -1)).toBe(2);
    expect([0, 1, 2, 3].map(revents)).toEqual([0, POLLOUT, 0, POLLNVAL]);
  });
  it("POLLHUP and POLLERR come unasked", () => {
    const { k, entry, revents, poll, r, w } = make();
    entry(0, r, 0);
    k.fds.close(k, w);
    expect(poll(1, -1)).toBe(1);
    expect(revents(0)).toBe(POLLHUP);
    const second = make();
    second.entry(0, second.w, 0);
    second.k.fds.close(second.k, second.r);
    expect(second.poll(1, -1)).toBe(1);
    expect(second.revents(0)).toBe(POLLERR);
  });
  it("waits on all of them, also when one is named often", () => {
    const { k, t, entry, revents, poll, r, w } = make();
    for (let i = 0; i < 100; i++) entry(i, r, POLLIN);
    expect(poll(100, -1)).toBe(WOULD_BLOCK);
    expect(t.parked).toBe(true);
    (k.fds.get(w) as File).write(k, 0, 1);
    expect(t.retry()).toBe(100);
    expect(revents(99)).toBe(POLLIN);
    expect((k.fds.get(r) as File).waiters.length).toBe(0);
  });
  it("timeouts: 0 does not wait, a positive one waits as long, a negative one for ever", () => {
    const { k, t, entry, poll, r } = make();
    entry(0, r, POLLIN);
    expect(poll(1, 0)).toBe(0);
    expect(poll(1, 20)).toBe(WOULD_BLOCK);
    k.advance(19);
    expect(t.parked).toBe(true);
    k.advance(1);
    expect(t.retry()).toBe(0);
    expect(poll(1, -5)).toBe(WOULD_BLOCK);
    k.advance(1e9);
    expect(t.parked).toBe(true);
  });
  it("without descriptors it is a sleep", () => {
    const { k, t, poll } = make();
    expect(poll(0, 5)).toBe(WOULD_BLOCK);
    k.advance(5);
    expect(t.retry()).toBe(0);
  });
  it("refuses too many entries and bad pointers", () => {
    const { k } = make();
    expect(sys_poll(k, FDS, 65537, 0)).toBe(-EINVAL);
    expect(sys_poll(k, FDS, -1, 0)).toBe(-EINVAL);
    expect(sys_poll(k, -16, 4, 0)).toBe(-EFAULT);
    expect(sys_poll(k, -16, 0, 0)).toBe(-EFAULT); // as Linux has it
  });
});
