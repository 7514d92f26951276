import { describe, expect, it } from "vitest";
import { EAGAIN, EBADF, EDEADLK, EFAULT, EINVAL, EMFILE, ENOTTY, EPIPE } from "../../../kernel/abi/errno.ts";
import { O_CLOEXEC, O_DIRECT, O_NONBLOCK, S_IFIFO, S_IFMT } from "../../../kernel/abi/fcntl.ts";
import { FIONREAD } from "../../../kernel/abi/ioctl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../../kernel/abi/poll.ts";
import { FD_MAX } from "../../../kernel/fs/fd-table.ts";
import type { File, Stat } from "../../../kernel/fs/file.ts";
import { PIPE_BUF, type PipeEnd } from "../../../kernel/fs/pipe.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { sys_writev } from "../../../kernel/syscall/file.ts";
import { sys_pipe2 } from "../../../kernel/syscall/pipe.ts";
import { TestKernel } from "../fixture.ts";

const CAPACITY = 65536;
const BUF = 4096;

function makePipe(flags = 0) {
  const k = new TestKernel();
  const t = k.thread();
  expect(t.call(() => sys_pipe2(k, 16, flags))).toBe(0);
  const readFd = k.mem.getI32(16);
  const writeFd = k.mem.getI32(20);
  const reader = k.fds.get(readFd) as PipeEnd;
  const writer = k.fds.get(writeFd) as PipeEnd;
  return { k, t, readFd, writeFd, reader, writer };
}

const read = (k: TestKernel, file: File, count: number, buf = BUF) => file.read(k, buf, count);

describe("pipe2(2)", () => {
  it("gives the lowest two descriptors, read end first, with close-on-exec if asked", () => {
    const { k, readFd, writeFd } = makePipe(O_CLOEXEC);
    expect([readFd, writeFd]).toEqual([0, 1]);
    expect([k.fds.isCloexec(0), k.fds.isCloexec(1)]).toEqual([true, true]);
  });
  it("refuses unknown flags and a bad pointer", () => {
    const k = new TestKernel();
    expect(sys_pipe2(k, 0, 1)).toBe(-EINVAL);
    expect(sys_pipe2(k, 0, O_DIRECT)).toBe(-EINVAL);
    expect(sys_pipe2(k, -4, 0)).toBe(-EFAULT);
    expect(k.fds.count).toBe(0);
  });
  it("leaves nothing open when there is only one descriptor left", () => {
    const { k, reader } = makePipe();
    for (let i = 2; i < FD_MAX - 1; i++) k.fds.open(reader);
    expect(sys_pipe2(k, 0, 0)).toBe(-EMFILE);
    expect(k.fds.count).toBe(FD_MAX - 1);
  });
});

describe("pipe(7)", () => {
  it("carries bytes in order, around the ring's end", () => {
    const { k, t, reader, writer } = makePipe();
    let sent = 0;
    let received = 0;
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 1500; i++) k.mem.u8[BUF + i] = (sent + i) % 251;
      expect(t.call(() => writer.write(k, BUF, 1500))).toBe(1500);
      sent += 1500;
      const want = round % 2 === 0 ? 1 : 2999;
      expect(t.call(() => read(k, reader, want, 16384))).toBe(want);
      for (let i = 0; i < want; i++) if (k.mem.u8[16384 + i] !== (received + i) % 251) throw new Error("wrong byte");
      received += want;
    }
  });
  it("a read of an empty pipe blocks until bytes come", () => {
    const { k, t, reader, writer } = makePipe();
    expect(t.call(() => read(k, reader, 10))).toBe(WOULD_BLOCK);
    expect(t.parked).toBe(true);
    k.mem.u8[9000] = 7;
    expect(k.thread().call(() => writer.write(k, 9000, 1))).toBe(1);
    expect(t.retry()).toBe(1);
    expect(k.mem.u8[BUF]).toBe(7);
  });
  it("with O_NONBLOCK it answers EAGAIN", () => {
    const { k, t, reader } = makePipe(O_NONBLOCK);
    expect(t.call(() => read(k, reader, 10))).toBe(-EAGAIN);
  });
  it("a read at the end of a pipe without writers gives 0, after what was left", () => {
    const { k, t, readFd, writeFd, reader, writer } = makePipe();
    writer.write(k, BUF, 3);
    const blocked = k.thread();
    k.fds.close(k, writeFd);
    expect(t.call(() => read(k, reader, 10))).toBe(3);
    expect(blocked.call(() => read(k, reader, 10))).toBe(0);
    expect(readFd).toBe(0);
  });
  it("closing the last writer wakes a blocked reader, a duplicate keeps the pipe open", () => {
    const { k, t, writeFd, reader } = makePipe();
    const copy = k.fds.dup(writeFd);
    expect(t.call(() => read(k, reader, 10))).toBe(WOULD_BLOCK);
    k.fds.close(k, writeFd);
    expect(t.parked).toBe(true);
    k.fds.close(k, copy);
    expect(t.retry()).toBe(0);
  });
  it("a write without readers answers EPIPE, a blocked one as well", () => {
    const { k, t, readFd, writer } = makePipe();
    while (writer.pipe.room > 0) t.call(() => writer.write(k, BUF, PIPE_BUF));
    expect(t.call(() => writer.write(k, BUF, 1))).toBe(WOULD_BLOCK);
    k.fds.close(k, readFd);
    expect(t.retry()).toBe(-EPIPE);
    expect(t.call(() => writer.write(k, BUF, 0))).toBe(0);
  });
  it("a write of up to PIPE_BUF is atomic: it waits for room for all of it", () => {
    const { k, t, reader, writer } = makePipe();
    t.call(() => writer.write(k, 0, CAPACITY - 100));
    expect(t.call(() => writer.write(k, BUF, 101))).toBe(WOULD_BLOCK);
    expect(writer.pipe.length).toBe(CAPACITY - 100);
    const other = k.thread();
    expect(other.call(() => read(k, reader, 1))).toBe(1);
    expect(t.retry()).toBe(101);
    expect(writer.pipe.length).toBe(CAPACITY);
  });
  it("O_NONBLOCK, up to PIPE_BUF: all or EAGAIN; above: what fits, or EAGAIN", () => {
    const { k, t, writer } = makePipe(O_NONBLOCK);
    t.call(() => writer.write(k, 0, CAPACITY - 100));
    expect(t.call(() => writer.write(k, BUF, 101))).toBe(-EAGAIN);
    expect(t.call(() => writer.write(k, BUF, PIPE_BUF + 1))).toBe(100);
    expect(t.call(() => writer.write(k, BUF, PIPE_BUF + 1))).toBe(-EAGAIN);
  });
  it("a longer blocking write goes in piece by piece and returns the whole count", () => {
    const { k, t, reader, writer } = makePipe();
    const total = 150_000;
    for (let i = 0; i < total; i++) k.mem.u8[i + 32] = i % 253;
    expect(t.call(() => writer.write(k, 32, total))).toBe(WOULD_BLOCK);
    let got = 0;
    let result = WOULD_BLOCK;
    const other = k.thread();
    while (got < total) {
      const size = other.call(() => read(k, reader, 7000, 200_000));
      for (let i = 0; i < size; i++) if (k.mem.u8[200_000 + i] !== (got + i) % 253) throw new Error("wrong byte");
      got += size;
      if (result === WOULD_BLOCK) result = t.retry();
    }
    expect(result).toBe(total);
    expect(t.task.inflight).toBe(null);
    // and the next call starts anew
    expect(t.call(() => writer.write(k, 32, 10))).toBe(10);
  });
  it("writev(2): what follows a piece that had to wait starts at its own beginning", () => {
    const { k, t, writeFd, reader } = makePipe();
    const total = CAPACITY + 5000;
    for (let i = 0; i < total + 300; i++) k.mem.u8[1000 + i] = i % 241;
    [1000, total, 1000 + total, 300].forEach((word, i) => {
      k.mem.setU32(64 + 4 * i, word);
    });
    expect(t.call(() => sys_writev(k, writeFd, 64, 2))).toBe(WOULD_BLOCK);
    const other = k.thread();
    expect(other.call(() => read(k, reader, CAPACITY, 150_000))).toBe(CAPACITY);
    expect(t.retry()).toBe(total + 300);
    expect(other.call(() => read(k, reader, CAPACITY, 150_000))).toBe(5300);
    for (let i = 0; i < 5300; i++) if (k.mem.u8[150_000 + i] !== (CAPACITY + i) % 241) throw new Error(`byte ${i}`);
  });
  it("a longer write that loses its reader half-way returns what went in", () => {
    const { k, t, readFd, writer } = makePipe();
    expect(t.call(() => writer.write(k, 0, CAPACITY + 5))).toBe(WOULD_BLOCK);
    k.fds.close(k, readFd);
    expect(t.retry()).toBe(CAPACITY);
  });
  it("without a stack to park: EDEADLK, or what went in", () => {
    const { k, reader, writer } = makePipe();
    const callback = k.thread(false);
    expect(callback.call(() => read(k, reader, 1))).toBe(-EDEADLK);
    expect(callback.call(() => writer.write(k, 0, CAPACITY + 5))).toBe(CAPACITY);
    expect(callback.call(() => writer.write(k, 0, CAPACITY + 5))).toBe(-EDEADLK);
  });
  it("poll: POLLIN with bytes, POLLHUP without writers, POLLOUT with room for PIPE_BUF, POLLERR without readers", () => {
    const { k, t, readFd, writeFd, reader, writer } = makePipe();
    const bits = POLLIN | POLLOUT | POLLERR | POLLHUP;
    expect(reader.poll() & bits).toBe(0);
    expect(writer.poll() & bits).toBe(POLLOUT);
    t.call(() => writer.write(k, 0, CAPACITY - PIPE_BUF + 1));
    expect(reader.poll() & bits).toBe(POLLIN);
    expect(writer.poll() & bits).toBe(0);
    t.call(() => read(k, reader, 1));
    expect(writer.poll() & bits).toBe(POLLOUT);
    k.fds.close(k, writeFd);
    expect(reader.poll() & bits).toBe(POLLIN | POLLHUP);
    k.fds.close(k, readFd);
    expect(writer.poll() & bits).toBe(POLLOUT | POLLERR);
  });
  it("FIONREAD counts the bytes; other requests and bad pointers are errnos; fstat says fifo", () => {
    const { k, t, reader, writer } = makePipe();
    t.call(() => writer.write(k, 0, 1234));
    expect(reader.ioctl(k, FIONREAD, 64)).toBe(0);
    expect(k.mem.getI32(64)).toBe(1234);
    expect(reader.ioctl(k, FIONREAD, -2)).toBe(-EFAULT);
    expect(reader.ioctl(k, 0x1234, 64)).toBe(-ENOTTY);
    const stat = {} as Stat;
    expect(reader.stat(k, stat)).toBe(0);
    expect(stat.mode & S_IFMT).toBe(S_IFIFO);
    expect(reader.write(k, 0, 1)).toBe(-EBADF);
    expect(writer.read(k, 0, 1)).toBe(-EBADF);
  });
  it("F_SETPIPE_SZ keeps the bytes, rounds up, and refuses to lose any", () => {
    const { k, t, reader, writer } = makePipe();
    for (let i = 0; i < 5000; i++) k.mem.u8[i] = i % 249;
    t.call(() => writer.write(k, 0, 5000));
    expect(writer.pipe.setCapacity(4096)).toBeLessThan(0);
    expect(writer.pipe.setCapacity(5000)).toBe(8192);
    expect(t.call(() => writer.write(k, 0, 3000))).toBe(3000);
    expect(t.call(() => read(k, reader, 8000, 20_000))).toBe(8000);
    for (let i = 0; i < 8000; i++) expect(k.mem.u8[20_000 + i]).toBe((i % 5000) % 249);
    expect(writer.pipe.setCapacity(2 ** 21)).toBeLessThan(0);
  });
});
