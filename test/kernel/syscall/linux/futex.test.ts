/**
 * futex(2): waiting, waking by bits, moving waiters, changing a second word, locks that the kernel hands over; and what the end of a thread
 * does to the locks it holds.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { EINTR } from "../../../../kernel/abi/errno.ts";
import {
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_LOCK_PI,
  FUTEX_LOCK_PI2,
  FUTEX_OP_ADD,
  FUTEX_OP_ANDN,
  FUTEX_OP_CMP_EQ,
  FUTEX_OP_CMP_GE,
  FUTEX_OP_CMP_GT,
  FUTEX_OP_CMP_LE,
  FUTEX_OP_CMP_LT,
  FUTEX_OP_CMP_NE,
  FUTEX_OP_OPARG_SHIFT,
  FUTEX_OP_OR,
  FUTEX_OP_SET,
  FUTEX_OP_XOR,
  FUTEX_OWNER_DIED,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_TRYLOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAITERS,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
} from "../../../../kernel/abi/futex.ts";
import { SIGUSR1 } from "../../../../kernel/abi/signal.ts";
import { endThread } from "../../../../kernel/process/execution.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine, said, type TestThread } from "../../process/linux-fixture.ts";

const A = BUFFER;
const B = BUFFER + 64;
const TIME = BUFFER + 128;
const BAD = 0xfffffffc;

let m: LinuxMachine;
let t: TestThread;
beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
});

const word = (ptr: number): number => m.process.mem.getU32(ptr);

function setTime(ms: number): number {
  m.process.mem.setI64(TIME, Math.floor(ms / 1000));
  m.process.mem.setI64(TIME + 8, Math.round((ms % 1000) * 1e6));
  return TIME;
}

/** Threads that wait at `ptr`, one after the other, each for its bits. */
function waiters(ptr: number, ...bits: number[]): TestThread[] {
  return bits.map((bit) => {
    const thread = m.thread();
    expect(thread.call("futex", ptr, FUTEX_WAIT_BITSET, 0, 0, 0, bit)).toBe(WOULD_BLOCK);
    return thread;
  });
}

const woken = (threads: readonly TestThread[]): number[] => {
  m.run();
  return threads.flatMap(({ result }, index) => (result === 0 ? [index] : []));
};

describe("waiting and waking", () => {
  it("wakes in order, as many as asked", () => {
    const threads = waiters(A, -1, -1, -1, -1);
    expect(t.call("futex", A, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 2, 0, 0, 0)).toBe(2);
    expect(woken(threads)).toEqual([0, 1]);
    expect(t.call("futex", A, FUTEX_WAKE, 0, 0, 0, 0)).toBe(1); // as Linux: one at least
    expect(t.call("futex", A, FUTEX_WAKE, 0x7fffffff, 0, 0, 0)).toBe(1);
    expect(woken(threads)).toEqual([0, 1, 2, 3]);
    expect(t.call("futex", A, FUTEX_WAKE, 1, 0, 0, 0)).toBe(0);
  });

  it("does not wait for what has changed already", () => {
    m.process.mem.setU32(A, 5);
    expect(said(t.call("futex", A, FUTEX_WAIT, 4, 0, 0, 0))).toBe("EAGAIN");
    expect(t.call("futex", A, FUTEX_WAIT, 5, 0, 0, 0)).toBe(WOULD_BLOCK);
  });

  it("wakes those alone who wait for one of the bits", () => {
    const threads = waiters(A, 1, 2, 3, 4);
    const one = m.thread();
    expect(one.call("futex", A, FUTEX_WAIT, 0, 0, 0, 0)).toBe(WOULD_BLOCK); // any bit
    expect(t.call("futex", A, FUTEX_WAKE_BITSET, 10, 0, 0, 2)).toBe(3);
    expect(woken([...threads, one])).toEqual([1, 2, 4]);
    expect(said(t.call("futex", A, FUTEX_WAKE_BITSET, 1, 0, 0, 0))).toBe("EINVAL");
    expect(said(t.call("futex", A, FUTEX_WAIT_BITSET, 0, 0, 0, 0))).toBe("EINVAL");
  });

  it("waits for another thing afterwards without minding its bits", () => {
    t.handle(SIGUSR1, () => {});
    m.must("pipe2", B, 0);
    const [readFd, writeFd] = [m.process.mem.getI32(B), m.process.mem.getI32(B + 4)];
    expect(t.call("futex", A, FUTEX_WAIT_BITSET, 0, 0, 0, 0x80000000)).toBe(WOULD_BLOCK);
    m.call("tkill", t.task.tid, SIGUSR1);
    m.run();
    expect(t.result).toBe(-EINTR);
    expect(t.call("read", readFd, TIME, 1)).toBe(WOULD_BLOCK);
    m.must("write", writeFd, A, 1);
    m.run();
    expect(t.result).toBe(1);
  });

  it("gives up after a time, or at a moment of either clock", () => {
    expect(t.call("futex", A, FUTEX_WAIT, 0, setTime(50), 0, 0)).toBe(WOULD_BLOCK);
    m.advance(49);
    expect(t.parked).toBe(true);
    m.advance(1);
    expect(said(t.result as number)).toBe("ETIMEDOUT");
    expect(t.call("futex", A, FUTEX_WAIT_BITSET, 0, setTime(120), 0, -1)).toBe(WOULD_BLOCK); // monotonic: now is 50
    m.advance(70);
    expect(said(t.result as number)).toBe("ETIMEDOUT");
    const now = m.process.clock.realtimeMs();
    expect(t.call("futex", A, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, setTime(now + 30), 0, -1)).toBe(WOULD_BLOCK);
    m.advance(30);
    expect(said(t.result as number)).toBe("ETIMEDOUT");
    expect(t.call("futex", A, FUTEX_WAIT_BITSET, 0, setTime(1), 0, -1)).toBe(WOULD_BLOCK);
    m.run();
    m.advance(0);
    expect(said(t.result as number)).toBe("ETIMEDOUT");
  });

  it("refuses addresses, times and operations that are none", () => {
    expect(said(t.call("futex", A + 2, FUTEX_WAIT, 0, 0, 0, 0))).toBe("EINVAL");
    expect(said(t.call("futex", BAD, FUTEX_WAKE, 1, 0, 0, 0))).toBe("EFAULT");
    expect(said(t.call("futex", A, FUTEX_WAIT, 0, 0xfffffff8, 0, 0))).toBe("EFAULT");
    m.process.mem.setI64(TIME + 8, 1e9);
    expect(said(t.call("futex", A, FUTEX_WAIT, 0, TIME, 0, 0))).toBe("EINVAL");
    for (const op of [2, 11, 12, 99]) expect(said(t.call("futex", A, op, 0, 0, 0, 0))).toBe("ENOSYS");
  });
});

describe("moving waiters", () => {
  it("wakes some, and lets others wait elsewhere, in order", () => {
    const threads = waiters(A, -1, -1, -1, -1);
    expect(t.call("futex", A, FUTEX_REQUEUE, 1, 2, B, 0)).toBe(3);
    expect(woken(threads)).toEqual([0]);
    expect(t.call("futex", A, FUTEX_WAKE, 9, 0, 0, 0)).toBe(1);
    expect(woken(threads)).toEqual([0, 3]);
    expect(t.call("futex", B, FUTEX_WAKE, 1, 0, 0, 0)).toBe(1);
    expect(woken(threads)).toEqual([0, 1, 3]);
    expect(t.call("futex", B, FUTEX_WAKE, 9, 0, 0, 0)).toBe(1);
  });

  it("wakes nobody if asked for none", () => {
    const threads = waiters(A, -1);
    expect(t.call("futex", A, FUTEX_REQUEUE, 0, 1, B, 0)).toBe(1);
    expect(woken(threads)).toEqual([]);
    expect(t.call("futex", B, FUTEX_WAKE, 1, 0, 0, 0)).toBe(1);
  });

  it("compares before, where asked", () => {
    waiters(A, -1);
    expect(said(t.call("futex", A, FUTEX_CMP_REQUEUE, 1, 1, B, 7))).toBe("EAGAIN");
    expect(t.call("futex", A, FUTEX_CMP_REQUEUE, 1, 1, B, 0)).toBe(1);
    expect(said(t.call("futex", A, FUTEX_REQUEUE, -1, 1, B, 0))).toBe("EINVAL");
    expect(said(t.call("futex", A, FUTEX_REQUEUE, 1, 1, B + 1, 0))).toBe("EINVAL");
    expect(said(t.call("futex", A, FUTEX_REQUEUE, 1, 1, BAD, 0))).toBe("EFAULT");
  });
});

describe("FUTEX_WAKE_OP", () => {
  const encode = (op: number, oparg: number, cmp: number, cmparg: number): number =>
    (op << 28) | (cmp << 24) | ((oparg & 0xfff) << 12) | (cmparg & 0xfff) | 0;

  it.each([
    ["SET", FUTEX_OP_SET, 9, 12, 9],
    ["ADD", FUTEX_OP_ADD, -2, 12, 10],
    ["OR", FUTEX_OP_OR, 3, 12, 15],
    ["ANDN", FUTEX_OP_ANDN, 4, 12, 8],
    ["XOR", FUTEX_OP_XOR, 5, 12, 9],
    ["SET shifted", FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 4, 12, 16],
  ])("%s changes the second word", (_name, op, oparg, before, after) => {
    m.process.mem.setU32(B, before);
    expect(t.call("futex", A, FUTEX_WAKE_OP, 1, 1, B, encode(op, oparg, FUTEX_OP_CMP_EQ, 0))).toBe(0);
    expect(word(B)).toBe(after);
  });

  it.each([
    [FUTEX_OP_CMP_EQ, 12, true],
    [FUTEX_OP_CMP_NE, 12, false],
    [FUTEX_OP_CMP_LT, 13, true],
    [FUTEX_OP_CMP_LE, 11, false],
    [FUTEX_OP_CMP_GT, -1, true],
    [FUTEX_OP_CMP_GE, 13, false],
  ])("wakes at the second word where its old value compares (%i, %i)", (cmp, cmparg, wakes) => {
    m.process.mem.setU32(B, 12);
    const first = waiters(A, -1);
    const second = m.thread();
    expect(second.call("futex", B, FUTEX_WAIT, 12, 0, 0, 0)).toBe(WOULD_BLOCK);
    expect(t.call("futex", A, FUTEX_WAKE_OP, 1, 1, B, encode(FUTEX_OP_SET, 0, cmp, cmparg))).toBe(wakes ? 2 : 1);
    expect(woken([...first, second])).toEqual(wakes ? [0, 1] : [0]);
  });

  it("refuses what it does not know", () => {
    expect(said(t.call("futex", A, FUTEX_WAKE_OP, 1, 1, B, encode(7, 0, 0, 0)))).toBe("ENOSYS");
    expect(said(t.call("futex", A, FUTEX_WAKE_OP, 1, 1, B, encode(0, 0, 9, 0)))).toBe("ENOSYS");
    expect(said(t.call("futex", A, FUTEX_WAKE_OP, 1, 1, B + 1, 0))).toBe("EINVAL");
    expect(said(t.call("futex", A, FUTEX_WAKE_OP, 1, 1, BAD, 0))).toBe("EFAULT");
  });
});

describe("locks that the kernel hands over", () => {
  it("go to whoever has waited longest, and say who has them", () => {
    const [u, v] = [m.thread(), m.thread()] as const;
    expect(t.call("futex", A, FUTEX_LOCK_PI, 0, 0, 0, 0)).toBe(0);
    expect(word(A)).toBe(t.task.tid);
    expect(u.call("futex", A, FUTEX_LOCK_PI, 0, 0, 0, 0)).toBe(WOULD_BLOCK);
    expect(v.call("futex", A, FUTEX_LOCK_PI2, 0, 0, 0, 0)).toBe(WOULD_BLOCK);
    expect(word(A)).toBe((t.task.tid | FUTEX_WAITERS) >>> 0);
    expect(said(t.call("futex", A, FUTEX_LOCK_PI, 0, 0, 0, 0))).toBe("EDEADLK");
    expect(t.call("futex", A, FUTEX_UNLOCK_PI, 0, 0, 0, 0)).toBe(0);
    expect(word(A)).toBe((u.task.tid | FUTEX_WAITERS) >>> 0);
    expect(said(t.call("futex", A, FUTEX_TRYLOCK_PI, 0, 0, 0, 0))).toBe("EAGAIN");
    expect(said(t.call("futex", A, FUTEX_UNLOCK_PI, 0, 0, 0, 0))).toBe("EPERM");
    m.run();
    expect([u.result, v.parked]).toEqual([0, true]);
    expect(u.call("futex", A, FUTEX_UNLOCK_PI, 0, 0, 0, 0)).toBe(0);
    m.run();
    expect([v.result, word(A)]).toEqual([0, v.task.tid]);
    expect(v.call("futex", A, FUTEX_UNLOCK_PI, 0, 0, 0, 0)).toBe(0);
    expect(word(A)).toBe(0);
    expect(t.call("futex", A, FUTEX_TRYLOCK_PI, 0, 0, 0, 0)).toBe(0);
  });

  it("are given up on at a moment of the real-time clock", () => {
    const u = m.thread();
    expect(u.call("futex", A, FUTEX_LOCK_PI, 0, 0, 0, 0)).toBe(0);
    expect(t.call("futex", A, FUTEX_LOCK_PI, 0, setTime(m.process.clock.realtimeMs() + 40), 0, 0)).toBe(WOULD_BLOCK);
    m.advance(40);
    expect(said(t.result as number)).toBe("ETIMEDOUT");
    expect(u.call("futex", A, FUTEX_UNLOCK_PI, 0, 0, 0, 0)).toBe(0);
    expect(word(A)).toBe(0); // nobody waits any more
  });

  it("of a thread that there is not cannot be waited for", () => {
    m.process.mem.setU32(A, 4711);
    expect(said(t.call("futex", A, FUTEX_LOCK_PI, 0, 0, 0, 0))).toBe("ESRCH");
  });
});

describe("robust lists", () => {
  /** A list of entries, each with its lock 8 bytes in front; `pending` is being taken or given up. */
  function list(long32: boolean, entries: readonly number[], pending = 0, head = BUFFER + 1024): number {
    const { mem } = m.process;
    const next = [...entries.slice(1), head];
    mem.setU32(head, entries[0] ?? head);
    entries.forEach((entry, index) => {
      mem.setU32(entry & ~1, next[index] as number);
    });
    if (long32) {
      mem.setU32(head + 4, -8 >>> 0);
      mem.setU32(head + 8, pending);
    } else {
      mem.setI64(head + 8, -8);
      mem.setU32(head + 16, pending);
    }
    return head;
  }

  function die(thread: TestThread): void {
    m.process.tasks.delete(thread.task);
    m.machine.scheduler.drop(thread.task);
    endThread(m.process, thread.task);
    m.run();
  }

  it.each([
    ["64", 24, false],
    ["32", 12, true],
  ] as const)("with a long of %s bits are released at the thread's end", (_bits, bytes, long32) => {
    const u = m.thread();
    const locks = [BUFFER + 2048, BUFFER + 2080, BUFFER + 2112, BUFFER + 2144];
    const [held, waited, foreign, pending] = locks as [number, number, number, number];
    const { mem } = m.process;
    mem.setU32(held, u.task.tid);
    mem.setU32(waited, (u.task.tid | FUTEX_WAITERS) >>> 0);
    mem.setU32(foreign, t.task.tid);
    mem.setU32(pending, u.task.tid);
    const waiter = m.thread();
    expect(waiter.call("futex", waited, FUTEX_WAIT, mem.getI32(waited), 0, 0, 0)).toBe(WOULD_BLOCK);
    const head = list(
      long32,
      [held, waited, foreign].map((lock) => lock + 8),
      pending + 8,
    );
    expect(u.call("set_robust_list", head, bytes)).toBe(0);
    expect(t.call("get_robust_list", u.task.tid, B, B + 4)).toBe(0);
    expect([word(B), word(B + 4)]).toEqual([head, bytes]);
    die(u);
    expect(word(held)).toBe(FUTEX_OWNER_DIED);
    expect(word(waited)).toBe((FUTEX_OWNER_DIED | FUTEX_WAITERS) >>> 0);
    expect(waiter.result).toBe(0);
    expect(word(foreign)).toBe(t.task.tid);
    expect(word(pending)).toBe(FUTEX_OWNER_DIED);
  });

  it("hand locks of priority inheritance over", () => {
    const u = m.thread();
    const lock = BUFFER + 2048;
    expect(u.call("futex", lock, FUTEX_LOCK_PI, 0, 0, 0, 0)).toBe(0);
    expect(t.call("futex", lock, FUTEX_LOCK_PI, 0, 0, 0, 0)).toBe(WOULD_BLOCK);
    expect(u.call("set_robust_list", list(true, [(lock + 8) | 1]), 12)).toBe(0);
    die(u);
    expect([t.result, word(lock)]).toEqual([0, t.task.tid | FUTEX_OWNER_DIED]);
  });

  it("that lie are walked to an end all the same", () => {
    const { mem } = m.process;
    const head = BUFFER + 1024;
    const entry = BUFFER + 4096;
    const lies: (() => void)[] = [
      () => mem.setU32(head, 0xfffffff0), // outside
      () => list(true, [entry, entry]), // a circle
      () => {
        list(true, [entry]);
        mem.setU32(head + 4, 0x7fffffff); // an offset that leads out
      },
      () => {
        list(true, [entry]);
        mem.setU32(head + 4, 3); // a lock at an odd address
      },
      () => mem.setU32(head, 0),
    ];
    for (const lie of lies) {
      const u = m.thread();
      lie();
      expect(u.call("set_robust_list", head, 12)).toBe(0);
      die(u);
    }
    const u = m.thread();
    expect(u.call("set_robust_list", 0xfffffff0, 24)).toBe(0);
    die(u);
  });

  it("have one of two sizes", () => {
    for (const bytes of [0, 8, 16, 25, -1]) expect(said(t.call("set_robust_list", BUFFER, bytes))).toBe("EINVAL");
    expect(said(t.call("get_robust_list", 4711, B, B + 4))).toBe("ESRCH");
    expect(said(t.call("get_robust_list", 0, BAD + 2, B))).toBe("EFAULT");
  });
});

describe("the end of a thread", () => {
  it("zeroes the word that it named, and wakes one who waits for it", () => {
    const u = m.thread();
    expect(u.call("set_tid_address", A)).toBe(u.task.tid);
    m.process.mem.setU32(A, u.task.tid);
    expect(t.call("futex", A, FUTEX_WAIT, u.task.tid, 0, 0, 0)).toBe(WOULD_BLOCK);
    m.process.tasks.delete(u.task);
    endThread(m.process, u.task);
    m.run();
    expect([word(A), t.result]).toEqual([0, 0]);
  });

  it("leaves what was pending for the process to another thread", () => {
    const u = m.thread();
    const seen: number[] = [];
    t.handle(SIGUSR1, (signo) => void seen.push(signo));
    expect(u.call("pause")).toBe(WOULD_BLOCK);
    m.process.linux.signals.raise({ signo: SIGUSR1, code: 0, pid: 1, uid: 0, value: 0 }); // chosen: t, which computes
    m.process.tasks.delete(t.task);
    endThread(m.process, t.task);
    m.run();
    expect([u.result, seen]).toEqual([-EINTR, [SIGUSR1]]);
  });
});
