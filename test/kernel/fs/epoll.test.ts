import { describe, expect, it } from "vitest";
import { EBADF, EDEADLK, EEXIST, EFAULT, EINVAL, ELOOP, ENOENT, EPERM } from "../../../kernel/abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../../kernel/abi/fcntl.ts";
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
} from "../../../kernel/abi/poll.ts";
import type { Epoll } from "../../../kernel/fs/epoll.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { sys_epoll_create1, sys_epoll_ctl, sys_epoll_wait } from "../../../kernel/syscall/epoll.ts";
import { sys_eventfd2 } from "../../../kernel/syscall/eventfd.ts";
import { sys_pipe2 } from "../../../kernel/syscall/pipe.ts";
import { TestKernel, type TestThread } from "../fixture.ts";

const EVENT = 64;
const EVENTS = 4096;

class Machine {
  readonly k = new TestKernel();
  readonly t = this.k.thread();
  readonly ep = sys_epoll_create1(this.k, 0);

  pipe(): [number, number] {
    expect(sys_pipe2(this.k, 16, O_NONBLOCK)).toBe(0);
    return [this.k.mem.getI32(16), this.k.mem.getI32(20)];
  }
  file(fd: number): File {
    return this.k.fds.get(fd) as File;
  }
  ctl(op: number, fd: number, events: number, data = fd, ep = this.ep): number {
    this.k.mem.setU32(EVENT, events >>> 0);
    this.k.mem.setU32(EVENT + 4, data);
    this.k.mem.setU32(EVENT + 8, 0x55);
    return sys_epoll_ctl(this.k, ep, op, fd, EVENT);
  }
  add(fd: number, events: number, data = fd): void {
    expect(this.ctl(EPOLL_CTL_ADD, fd, events, data)).toBe(0);
  }
  write(fd: number, count = 1): void {
    expect(this.file(fd).write(this.k, 0, count)).toBe(count);
  }
  read(fd: number, count = 1): void {
    expect(this.file(fd).read(this.k, 1024, count)).toBe(count);
  }
  /** The events that a wait gives, as [data, mask]; never parks. */
  wait(max = 16, ep = this.ep): [data: number, mask: number][] {
    const count = this.k.thread(false).call(() => sys_epoll_wait(this.k, ep, EVENTS, max, 0));
    if (count < 0) throw new Error(`epoll_wait: ${count}`);
    return this.events(count);
  }
  events(count: number): [data: number, mask: number][] {
    return [...Array(count).keys()].map((i) => {
      const at = EVENTS + 12 * i;
      expect(this.k.mem.getU32(at + 8)).toBe(0x55);
      return [this.k.mem.getU32(at + 4), this.k.mem.getU32(at) & (POLLIN | POLLOUT | POLLHUP | POLLERR)];
    });
  }
}

describe("level-triggered epoll", () => {
  it("reports for as long as it is ready", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN, 77);
    expect(m.wait()).toEqual([]);
    m.write(w, 2);
    expect(m.wait()).toEqual([[77, POLLIN]]);
    expect(m.wait()).toEqual([[77, POLLIN]]);
    m.read(r, 2);
    expect(m.wait()).toEqual([]);
  });
  it("reports what was ready before it was added", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.write(w);
    m.add(r, POLLIN);
    expect(m.wait()).toEqual([[r, POLLIN]]);
  });
  it("errors and hang-ups are reported without being asked for", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    const [r2, w2] = m.pipe();
    m.add(r, 0);
    m.add(w2, 0);
    m.k.fds.close(m.k, w);
    m.k.fds.close(m.k, r2);
    expect(m.wait()).toEqual([
      [r, POLLHUP],
      [w2, POLLERR],
    ]);
  });
  it("does not report what was not asked for", () => {
    const m = new Machine();
    const [, w] = m.pipe();
    m.add(w, POLLIN);
    expect(m.wait()).toEqual([]);
    expect(m.ctl(EPOLL_CTL_MOD, w, POLLOUT)).toBe(0);
    expect(m.wait()).toEqual([[w, POLLOUT]]);
  });
  it("is fair: with less room than ready descriptors every one gets its turn", () => {
    const m = new Machine();
    const fds: number[] = [];
    for (let i = 0; i < 10; i++) {
      const [r, w] = m.pipe();
      m.add(r, POLLIN);
      m.write(w);
      fds.push(r);
    }
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) for (const [fd] of m.wait(4)) seen.push(fd);
    expect(seen).toEqual([...fds, ...fds]);
  });
  it("costs what is ready, not what is watched", () => {
    const m = new Machine();
    let polls = 0;
    const pipes = [...Array(1000).keys()].map(() => m.pipe());
    for (const [r] of pipes) {
      m.add(r, POLLIN);
      const file = m.file(r) as unknown as { poll: () => number };
      const poll = file.poll.bind(file);
      file.poll = () => {
        polls++;
        return poll();
      };
    }
    m.write((pipes[500] as number[])[1] as number);
    expect(m.wait().length).toBe(1);
    expect(m.wait().length).toBe(1);
    expect(polls).toBe(2);
  });
});

describe("edge-triggered epoll", () => {
  it("reports once for each change", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN | EPOLLET);
    m.write(w, 2);
    expect(m.wait()).toEqual([[r, POLLIN]]);
    expect(m.wait()).toEqual([]);
    m.read(r, 1);
    expect(m.wait()).toEqual([]);
    m.write(w);
    expect(m.wait()).toEqual([[r, POLLIN]]);
  });
  it("EPOLL_CTL_MOD re-arms it", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN | EPOLLET);
    m.write(w);
    m.wait();
    expect(m.ctl(EPOLL_CTL_MOD, r, POLLIN | EPOLLET)).toBe(0);
    expect(m.wait()).toEqual([[r, POLLIN]]);
  });
});

describe("EPOLLONESHOT", () => {
  it("is silent after one report, hang-ups too, until EPOLL_CTL_MOD", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN | EPOLLONESHOT);
    m.write(w);
    expect(m.wait()).toEqual([[r, POLLIN]]);
    m.write(w);
    m.k.fds.close(m.k, w);
    expect(m.wait()).toEqual([]);
    expect(m.ctl(EPOLL_CTL_MOD, r, POLLIN | EPOLLONESHOT, 5)).toBe(0);
    expect(m.wait()).toEqual([[5, POLLIN | POLLHUP]]);
    expect(m.wait()).toEqual([]);
  });
});

describe("epoll_wait(2)", () => {
  it("parks until something is ready", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    expect(m.t.call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, -1))).toBe(WOULD_BLOCK);
    m.write(w);
    expect(m.t.retry()).toBe(1);
    expect(m.events(1)).toEqual([[r, POLLIN]]);
  });
  it("returns 0 when the time is over, not before, and a false alarm does not extend it", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    expect(m.t.call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, 10))).toBe(WOULD_BLOCK);
    m.k.advance(6);
    m.write(w);
    m.read(r);
    expect(m.t.retry()).toBe(WOULD_BLOCK);
    m.k.advance(3);
    expect(m.t.parked).toBe(true);
    m.k.advance(1);
    expect(m.t.retry()).toBe(0);
  });
  it("wakes every thread that waits; who finds nothing waits on", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN | EPOLLET);
    const other = m.k.thread();
    for (const t of [m.t, other]) {
      expect(t.call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, -1))).toBe(WOULD_BLOCK);
    }
    m.write(w);
    expect(m.t.retry()).toBe(1);
    expect(other.retry()).toBe(WOULD_BLOCK);
  });
  it("a callback context is told that it cannot wait", () => {
    const m = new Machine();
    expect(m.k.thread(false).call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, -1))).toBe(-EDEADLK);
  });
  it("lets other threads run before it answers at once", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    m.write(w);
    const ready: TestThread = m.k.thread();
    ready.call(() => m.k.block(null, 0));
    m.k.advance(0);
    expect(ready.parked).toBe(false); // on the run queue
    expect(m.t.call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, 5))).toBe(WOULD_BLOCK);
    m.read(r); // what the other thread did
    expect(m.t.retry()).toBe(WOULD_BLOCK);
    m.k.advance(5);
    expect(m.t.retry()).toBe(0);
  });
  it("a lone thread that only polls lets the host run now and then", () => {
    const m = new Machine();
    let yields = 0;
    for (let i = 0; i < 2000; i++) {
      if (m.t.call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, 0)) !== WOULD_BLOCK) continue;
      yields++;
      expect(m.t.retry()).toBe(0);
    }
    expect(yields).toBeGreaterThan(0);
  });
  it("refuses bad arguments", () => {
    const m = new Machine();
    const [r] = m.pipe();
    const wait = (ep: number, ptr: number, max: number) => sys_epoll_wait(m.k, ep, ptr, max, 0);
    expect(wait(m.ep, EVENTS, 0)).toBe(-EINVAL);
    expect(wait(m.ep, EVENTS, -1)).toBe(-EINVAL);
    expect(wait(m.ep, EVENTS, 0x7fffffff)).toBe(-EINVAL);
    expect(wait(m.ep, -8, 1)).toBe(-EFAULT);
    expect(wait(99, EVENTS, 1)).toBe(-EBADF);
    expect(wait(r, EVENTS, 1)).toBe(-EINVAL);
    expect(sys_epoll_create1(m.k, 1)).toBe(-EINVAL);
    expect(m.k.fds.isCloexec(sys_epoll_create1(m.k, O_CLOEXEC))).toBe(true);
  });
});

describe("epoll_ctl(2)", () => {
  it("answers EEXIST, ENOENT, EBADF, EINVAL, EFAULT, EPERM as the man page says", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    expect(m.ctl(EPOLL_CTL_ADD, r, POLLIN)).toBe(-EEXIST);
    expect(m.ctl(EPOLL_CTL_MOD, w, POLLIN)).toBe(-ENOENT);
    expect(m.ctl(EPOLL_CTL_DEL, w, 0)).toBe(-ENOENT);
    expect(m.ctl(EPOLL_CTL_ADD, 99, POLLIN)).toBe(-EBADF);
    expect(m.ctl(EPOLL_CTL_ADD, r, POLLIN, 0, 99)).toBe(-EBADF);
    expect(m.ctl(EPOLL_CTL_ADD, r, POLLIN, 0, w)).toBe(-EINVAL);
    expect(m.ctl(EPOLL_CTL_ADD, m.ep, POLLIN)).toBe(-EINVAL);
    expect(m.ctl(9, r, POLLIN)).toBe(-EINVAL);
    expect(sys_epoll_ctl(m.k, m.ep, EPOLL_CTL_ADD, w, -4)).toBe(-EFAULT);
    expect(sys_epoll_ctl(m.k, m.ep, EPOLL_CTL_DEL, r, 0)).toBe(0); // the event is ignored
    for (const kind of ["regular", "directory", "character"] as const) {
      const fd = m.k.fds.open({ ...m.file(r), kind } as File);
      for (const op of [EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL]) expect(m.ctl(op, fd, POLLIN)).toBe(-EPERM);
    }
  });
  it("EPOLL_CTL_DEL forgets what was ready", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    m.write(w);
    expect(m.ctl(EPOLL_CTL_DEL, r, 0)).toBe(0);
    expect(m.wait()).toEqual([]);
    expect(m.file(r).waiters.length).toBe(0);
  });
  it("EPOLLEXCLUSIVE: with ADD only, not on an epoll, not with ONESHOT", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    const inner = sys_epoll_create1(m.k, 0);
    expect(m.ctl(EPOLL_CTL_ADD, inner, POLLIN | EPOLLEXCLUSIVE)).toBe(-EINVAL);
    expect(m.ctl(EPOLL_CTL_ADD, r, POLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT)).toBe(-EINVAL);
    expect(m.ctl(EPOLL_CTL_ADD, r, POLLPRI | EPOLLEXCLUSIVE)).toBe(-EINVAL);
    m.add(r, POLLIN | EPOLLEXCLUSIVE);
    expect(m.ctl(EPOLL_CTL_MOD, r, POLLIN)).toBe(-EINVAL);
    m.add(w, POLLIN);
    expect(m.ctl(EPOLL_CTL_MOD, w, POLLIN | EPOLLEXCLUSIVE)).toBe(-EINVAL);
    m.write(w);
    expect(m.wait()).toEqual([[r, POLLIN]]);
  });
});

describe("closing descriptors", () => {
  it("the last close ends the interest, and the number can be used again", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    m.write(w);
    m.k.fds.close(m.k, r);
    expect(m.wait()).toEqual([]);
    expect((m.file(m.ep) as Epoll).size).toBe(0);
    const [again, w2] = m.pipe();
    expect(again).toBe(r);
    m.add(again, POLLIN, 1);
    m.write(w2);
    expect(m.wait()).toEqual([[1, POLLIN]]);
  });
  it("a duplicate keeps the interest alive, under its old number", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    const copy = m.k.fds.dup(r);
    m.add(r, POLLIN, 10);
    m.add(copy, POLLIN, 20);
    m.k.fds.close(m.k, r);
    m.write(w);
    expect(m.wait().map(([data]) => data)).toEqual([10, 20]);
    // the number names another file now; the old interest goes on until the copy is closed
    const event = sys_eventfd2(m.k, 1, 0);
    expect(event).toBe(r);
    m.add(event, POLLIN, 30);
    expect(m.wait().map(([data]) => data)).toEqual([10, 20, 30]);
    m.k.fds.close(m.k, copy);
    expect(m.wait().map(([data]) => data)).toEqual([30]);
    expect((m.file(m.ep) as Epoll).size).toBe(1);
  });
  it("closing the epoll leaves nothing in the files' wait queues", () => {
    const m = new Machine();
    const [r, w] = m.pipe();
    m.add(r, POLLIN);
    m.add(w, POLLOUT);
    m.k.fds.close(m.k, m.ep);
    expect([m.file(r).waiters.length, m.file(w).waiters.length]).toEqual([0, 0]);
  });
});

describe("nested epoll", () => {
  it("an epoll with something to report is readable", () => {
    const m = new Machine();
    const inner = sys_epoll_create1(m.k, 0);
    const [r, w] = m.pipe();
    expect(m.ctl(EPOLL_CTL_ADD, r, POLLIN, 1, inner)).toBe(0);
    m.add(inner, POLLIN, 2);
    expect(m.t.call(() => sys_epoll_wait(m.k, m.ep, EVENTS, 8, -1))).toBe(WOULD_BLOCK);
    m.write(w);
    expect(m.t.retry()).toBe(1);
    expect(m.events(1)).toEqual([[2, POLLIN]]);
    expect(m.wait(8, inner)).toEqual([[1, POLLIN]]);
    m.read(r);
    expect(m.wait()).toEqual([]);
  });
  it("a closed descriptor makes no edge for the epoll that watches its epoll", () => {
    const m = new Machine();
    const inner = sys_epoll_create1(m.k, 0);
    const [r, w] = m.pipe();
    const [r2, w2] = m.pipe();
    for (const fd of [w, r2]) expect(m.ctl(EPOLL_CTL_ADD, fd, POLLIN, fd, inner)).toBe(0);
    m.add(inner, POLLIN | EPOLLET, 2);
    m.write(w2);
    expect(m.wait()).toEqual([[2, POLLIN]]);
    m.k.fds.close(m.k, w);
    m.k.fds.close(m.k, r); // tells the write end's waiters that its reader has gone
    expect(m.wait()).toEqual([]);
    m.write(w2);
    expect(m.wait()).toEqual([[2, POLLIN]]);
  });
  it("refuses circles, and rows of more than five", () => {
    const m = new Machine();
    const row = [m.ep, ...[1, 2, 3, 4].map(() => sys_epoll_create1(m.k, 0))];
    for (let i = 0; i + 1 < row.length; i++) {
      expect(m.ctl(EPOLL_CTL_ADD, row[i + 1] as number, POLLIN, 0, row[i] as number)).toBe(0);
    }
    expect(m.ctl(EPOLL_CTL_ADD, row[0] as number, POLLIN, 0, row[4] as number)).toBe(-ELOOP);
    expect(m.ctl(EPOLL_CTL_ADD, row[2] as number, POLLIN, 0, row[3] as number)).toBe(-ELOOP);
    const sixth = sys_epoll_create1(m.k, 0);
    expect(m.ctl(EPOLL_CTL_ADD, sixth, POLLIN, 0, row[4] as number)).toBe(-ELOOP);
    expect(m.ctl(EPOLL_CTL_ADD, row[0] as number, POLLIN, 0, sixth)).toBe(-ELOOP);
    expect(m.ctl(EPOLL_CTL_DEL, row[4] as number, 0, 0, row[3] as number)).toBe(0);
    expect(m.ctl(EPOLL_CTL_ADD, sixth, POLLIN, 0, row[3] as number)).toBe(0);
  });
  it("checks a wide net of them in linear time", () => {
    const m = new Machine();
    const layers = [0, 1, 2, 3].map(() => [...Array(60).keys()].map(() => sys_epoll_create1(m.k, 0)));
    for (let i = 0; i < 3; i++) {
      for (const upper of layers[i] as number[]) {
        for (const lower of layers[i + 1] as number[]) m.ctl(EPOLL_CTL_ADD, lower, POLLIN, 0, upper);
      }
    }
    const before = performance.now();
    expect(m.ctl(EPOLL_CTL_ADD, (layers[0] as number[])[0] as number, POLLIN)).toBe(0);
    expect(performance.now() - before).toBeLessThan(1000);
  });
});
