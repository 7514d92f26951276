/**
 * flock(2) and the record locks of fcntl(2): who conflicts with whom, what splits and joins, who waits, what a close releases, deadlocks.
 */
import { describe, expect, it } from "vitest";
import {
  F_GETLK,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETLK,
  F_SETLKW,
  F_SETLKW64,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from "../../../../kernel/abi/fcntl.ts";
import type { Process } from "../../../../kernel/process/process.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { randomFor } from "../../../random.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const LOCK = BUFFER;

interface Given {
  readonly type: number;
  readonly start?: number;
  readonly length?: number;
  readonly whence?: number;
  readonly pid?: number;
}

function writeLock({ mem }: Process, { type, start = 0, length = 0, whence = SEEK_SET, pid = 0 }: Given): void {
  mem.setU16(LOCK, type);
  mem.setU16(LOCK + 2, whence);
  mem.setI64(LOCK + 8, start);
  mem.setI64(LOCK + 16, length);
  mem.setU32(LOCK + 24, pid);
}

class Locker {
  readonly m: LinuxMachine;
  readonly process: Process;
  readonly fd: number;

  constructor(m: LinuxMachine, process: Process, flags = O_RDWR) {
    this.m = m;
    this.process = process;
    this.fd = m.callOf(process, "open", "/file", flags | O_CREAT, 0o644) as number;
  }

  set(given: Given, cmd = F_SETLK): number | string {
    writeLock(this.process, given);
    return this.m.callOf(this.process, "fcntl", this.fd, cmd, LOCK);
  }

  /** The lock in the way, as "type start length pid", or "free". */
  get(given: Given, cmd = F_GETLK): string | number {
    writeLock(this.process, given);
    const result = this.m.callOf(this.process, "fcntl", this.fd, cmd, LOCK);
    if (result !== 0) return result;
    const { mem } = this.process;
    const type = mem.getU16(LOCK);
    if (type === F_UNLCK) return "free";
    const pid = mem.getI32(LOCK + 24);
    return `${type === F_WRLCK ? "write" : "read"} ${mem.getI64(LOCK + 8)} ${mem.getI64(LOCK + 16)} ${pid}`;
  }
}

function twoProcesses() {
  const m = new LinuxMachine();
  const child = m.fork();
  return { m, child, a: new Locker(m, m.process), b: new Locker(m, child) };
}

describe("record locks", () => {
  it("readers share, writers exclude; a process never conflicts with itself", () => {
    const { a, b, child } = twoProcesses();
    expect(a.set({ type: F_RDLCK, start: 0, length: 10 })).toBe(0);
    expect(b.set({ type: F_RDLCK, start: 5, length: 10 })).toBe(0);
    expect(b.set({ type: F_WRLCK, start: 9, length: 1 })).toBe("EAGAIN");
    expect(b.set({ type: F_WRLCK, start: 10, length: 1 })).toBe(0);
    expect(a.set({ type: F_WRLCK, start: 0, length: 5 })).toBe(0); // converts part of its own
    expect(a.get({ type: F_WRLCK, start: 0, length: 100 })).toBe(`read 5 5 ${child.pid}`);
    expect(a.get({ type: F_RDLCK, start: 0, length: 100 })).toBe(`write 10 1 ${child.pid}`);
    expect(b.get({ type: F_RDLCK, start: 0, length: 1 })).toBe("write 0 5 1");
    expect(b.get({ type: F_WRLCK, start: 200, length: 1 })).toBe("free");
  });

  it("ranges split and join", () => {
    const { a, b } = twoProcesses();
    expect(a.set({ type: F_WRLCK, start: 0, length: 100 })).toBe(0);
    expect(a.set({ type: F_UNLCK, start: 40, length: 20 })).toBe(0);
    expect(b.get({ type: F_RDLCK })).toBe("write 0 40 1");
    expect(b.get({ type: F_RDLCK, start: 40, length: 20 })).toBe("free");
    expect(b.get({ type: F_RDLCK, start: 40 })).toBe("write 60 40 1");
    expect(a.set({ type: F_WRLCK, start: 40, length: 20 })).toBe(0);
    expect(b.get({ type: F_RDLCK })).toBe("write 0 100 1");
    expect(a.set({ type: F_RDLCK, start: 10, length: 10 })).toBe(0);
    expect(b.get({ type: F_WRLCK, start: 10 })).toBe("read 10 10 1");
    expect(a.set({ type: F_WRLCK, start: 100 })).toBe(0); // to the end, wherever it is
    expect(b.get({ type: F_RDLCK, start: 50 })).toBe("write 20 0 1");
    expect(a.set({ type: F_UNLCK })).toBe(0);
    expect(b.get({ type: F_WRLCK })).toBe("free");
  });

  it("l_whence and negative lengths; EINVAL and EOVERFLOW", () => {
    const { m, a, b } = twoProcesses();
    m.must("ftruncate", a.fd, 100);
    m.must("lseek", a.fd, 30, SEEK_SET);
    expect(a.set({ type: F_WRLCK, whence: SEEK_CUR, start: 5, length: 5 })).toBe(0);
    expect(b.get({ type: F_RDLCK })).toBe("write 35 5 1");
    expect(a.set({ type: F_WRLCK, whence: SEEK_END, start: 0, length: -10 })).toBe(0);
    expect(b.get({ type: F_RDLCK, start: 50 })).toBe("write 90 10 1");
    expect(a.set({ type: F_WRLCK, start: -1, length: 1 })).toBe("EINVAL");
    expect(a.set({ type: F_WRLCK, start: 5, length: -6 })).toBe("EINVAL");
    expect(a.set({ type: F_WRLCK, whence: 3 })).toBe("EINVAL");
    expect(a.set({ type: 7 })).toBe("EINVAL");
    expect(a.get({ type: F_UNLCK })).toBe("EINVAL");
    expect(a.set({ type: F_WRLCK, start: 2 ** 63 })).not.toBe(0);
    expect(m.call("fcntl", a.fd, F_SETLK, -4)).toBe("EFAULT");
    expect(m.call("fcntl", a.fd, F_SETLK, 0)).toBe("EFAULT");
    expect(m.call("fcntl", 99, F_SETLK, LOCK)).toBe("EBADF");
  });

  it("the descriptor has to be open for what is locked", () => {
    const m = new LinuxMachine();
    const writer = new Locker(m, m.process, O_WRONLY);
    const reader = new Locker(m, m.process, O_RDONLY);
    expect(writer.set({ type: F_RDLCK })).toBe("EBADF");
    expect(reader.set({ type: F_WRLCK })).toBe("EBADF");
    expect(reader.set({ type: F_RDLCK })).toBe(0);
    expect(reader.set({ type: F_WRLCK }, F_OFD_SETLK)).toBe("EBADF");
    expect(reader.set({ type: F_UNLCK })).toBe(0);
  });

  it("F_SETLKW waits until nothing is in the way", () => {
    const { m, a, child } = twoProcesses();
    a.set({ type: F_WRLCK, start: 0, length: 10 });
    a.set({ type: F_RDLCK, start: 20, length: 10 });
    const waiting = m.thread(child);
    const fd = m.callOf(child, "open", "/file", O_RDWR, 0) as number;
    for (const cmd of [F_SETLKW, F_SETLKW64]) {
      writeLock(child, { type: F_WRLCK, start: 0, length: 100 });
      expect(waiting.call("fcntl", fd, cmd, LOCK)).toBe(WOULD_BLOCK);
      a.set({ type: F_UNLCK, start: 0, length: 10 });
      m.run();
      expect(waiting.parked).toBe(true);
      a.set({ type: F_UNLCK, start: 20, length: 10 });
      m.run();
      expect(waiting.result).toBe(0);
      expect(a.set({ type: F_WRLCK, start: 50, length: 1 })).toBe("EAGAIN");
      writeLock(child, { type: F_UNLCK });
      waiting.call("fcntl", fd, F_SETLK, LOCK);
      a.set({ type: F_WRLCK, start: 0, length: 10 });
      a.set({ type: F_RDLCK, start: 20, length: 10 });
    }
  });

  it("go when the process closes any descriptor of the file, and when it ends; fork does not pass them on", () => {
    const { m, a, b, child } = twoProcesses();
    a.set({ type: F_WRLCK });
    const other = m.must("open", "/file", O_RDONLY, 0);
    expect(b.get({ type: F_RDLCK })).toBe("write 0 0 1");
    m.must("close", other);
    expect(b.get({ type: F_RDLCK })).toBe("free");
    b.set({ type: F_WRLCK, start: 7, length: 1 });
    const grandchild = m.fork(child);
    m.callOf(grandchild, "close", b.fd); // another process' descriptor
    expect(a.get({ type: F_WRLCK })).toBe(`write 7 1 ${child.pid}`);
    child.end({ code: 0, reason: null });
    expect(a.get({ type: F_WRLCK })).toBe("free");
    a.set({ type: F_WRLCK });
    expect(m.must("dup2", m.must("open", "/file", O_RDONLY, 0), a.fd)).toBe(a.fd); // dup2 closes, too
    expect(new Locker(m, grandchild).get({ type: F_WRLCK })).toBe("free");
  });

  it("are the file's, whatever name it is reached by, and nobody else's", () => {
    const { m, a, child } = twoProcesses();
    m.must("link", "/file", "/link");
    a.set({ type: F_WRLCK });
    writeLock(child, { type: F_RDLCK });
    const byLink = m.callOf(child, "open", "/link", O_RDWR, 0);
    expect(m.callOf(child, "fcntl", byLink, F_SETLK, LOCK)).toBe("EAGAIN");
    const other = m.callOf(child, "open", "/other", O_RDWR | O_CREAT, 0o644);
    expect(m.callOf(child, "fcntl", other, F_SETLK, LOCK)).toBe(0);
  });

  it("a circle of waiting processes is refused with EDEADLK, however long", () => {
    const m = new LinuxMachine();
    const processes = [m.process, m.fork(), m.fork(), m.fork()];
    const lockers = processes.map((process) => new Locker(m, process));
    lockers.forEach((locker, index) => void expect(locker.set({ type: F_WRLCK, start: index, length: 1 })).toBe(0));
    const wait = (index: number, start: number): number | string => {
      const { process, fd } = lockers[index] as Locker;
      writeLock(process, { type: F_WRLCK, start, length: 1 });
      return m.thread(process).call("fcntl", fd, F_SETLKW, LOCK);
    };
    expect(wait(0, 1)).toBe(WOULD_BLOCK);
    expect(wait(1, 2)).toBe(WOULD_BLOCK);
    expect(wait(2, 3)).toBe(WOULD_BLOCK);
    expect(wait(3, 0)).toBe(-35);
    expect(wait(3, 9)).toBe(0);
    // Who has been killed waits no more.
    (processes[2] as Process).end({ code: 0, reason: null });
    m.run();
    expect(wait(3, 0)).toBe(WOULD_BLOCK);
  });
});

describe("locks of open file descriptions", () => {
  it("belong to the description: two of one process conflict, duplicates and children do not", () => {
    const m = new LinuxMachine();
    const a = new Locker(m, m.process);
    const b = new Locker(m, m.process);
    expect(a.set({ type: F_WRLCK, start: 3, length: 2 }, F_OFD_SETLK)).toBe(0);
    expect(b.set({ type: F_RDLCK }, F_OFD_SETLK)).toBe("EAGAIN");
    expect(b.get({ type: F_RDLCK }, F_OFD_GETLK)).toBe("write 3 2 -1");
    expect(b.set({ type: F_RDLCK })).toBe("EAGAIN"); // with those of processes, too
    expect(b.set({ type: F_RDLCK, pid: 1 }, F_OFD_SETLK)).toBe("EINVAL");
    const child = m.fork();
    writeLock(child, { type: F_WRLCK });
    expect(m.callOf(child, "fcntl", a.fd, F_OFD_SETLK, LOCK)).toBe(0);
    m.must("close", a.fd);
    expect(b.get({ type: F_RDLCK }, F_OFD_GETLK)).toBe("write 0 0 -1"); // the child has it
    const waiting = m.thread();
    writeLock(m.process, { type: F_RDLCK });
    expect(waiting.call("fcntl", b.fd, F_OFD_SETLKW, LOCK)).toBe(WOULD_BLOCK);
    expect(m.callOf(child, "close", a.fd)).toBe(0);
    m.run();
    expect(waiting.result).toBe(0);
  });
});

describe("flock", () => {
  it("is the description's: shared or exclusive, converted, released with the last descriptor", () => {
    const m = new LinuxMachine();
    const a = m.must("open", "/file", O_RDWR | O_CREAT, 0o644);
    const b = m.must("open", "/file", O_RDONLY, 0);
    expect(m.call("flock", a, LOCK_SH)).toBe(0);
    expect(m.call("flock", b, LOCK_SH)).toBe(0);
    expect(m.call("flock", b, LOCK_EX | LOCK_NB)).toBe("EAGAIN"); // and has lost its own: flock(2)
    expect(m.call("flock", a, LOCK_EX | LOCK_NB)).toBe(0);
    expect(m.call("flock", b, LOCK_SH | LOCK_NB)).toBe("EAGAIN");
    expect(m.call("flock", a, LOCK_UN)).toBe(0);
    expect(m.call("flock", b, LOCK_EX | LOCK_NB)).toBe(0);
    const child = m.fork();
    m.must("close", b);
    expect(m.call("flock", a, LOCK_SH | LOCK_NB)).toBe("EAGAIN"); // the child's descriptor is the same description's
    const waiting = m.thread();
    expect(waiting.call("flock", a, LOCK_SH)).toBe(WOULD_BLOCK);
    child.end({ code: 0, reason: null });
    m.run();
    expect(waiting.result).toBe(0);
    expect(m.call("flock", a, 0)).toBe("EINVAL");
    expect(m.call("flock", a, LOCK_SH | LOCK_EX)).toBe("EINVAL");
    expect(m.call("flock", 99, LOCK_SH)).toBe("EBADF");
  });

  it("and record locks do not know of each other", () => {
    const { m, a, b, child } = twoProcesses();
    expect(a.set({ type: F_WRLCK })).toBe(0);
    expect(m.callOf(child, "flock", b.fd, LOCK_EX | LOCK_NB)).toBe(0);
  });

  it("ends with a mapping, where that is the last that refers to the description", () => {
    const m = new LinuxMachine();
    const a = m.must("open", "/file", O_RDWR | O_CREAT, 0o644);
    m.must("ftruncate", a, 4096);
    m.must("flock", a, LOCK_EX);
    const at = m.must("mmap", 0, 4096, 3, 1, a, 0);
    m.must("close", a);
    const b = m.must("open", "/file", O_RDWR, 0);
    expect(m.call("flock", b, LOCK_EX | LOCK_NB)).toBe("EAGAIN");
    m.must("munmap", at, 4096);
    expect(m.call("flock", b, LOCK_EX | LOCK_NB)).toBe(0);
  });
});

describe("record locks against a model", () => {
  it("agree byte for byte", () => {
    const bytes = 24;
    const random = randomFor("record locks");
    const { a, b } = twoProcesses();
    const lockers = [a, b];
    /** Per process: 0, "r" or "w" for each byte. */
    const model = lockers.map(() => new Array<string>(bytes).fill("-"));
    for (let step = 0; step < 2000; step++) {
      const who = random.below(2);
      const start = random.below(bytes);
      const length = 1 + random.below(bytes - start);
      const type = random.pick([F_RDLCK, F_WRLCK, F_UNLCK]);
      const mine = model[who] as string[];
      const other = model[1 - who] as string[];
      const range = Array.from({ length }, (_, index) => start + index);
      const refused =
        type !== F_UNLCK && range.some((at) => other[at] === "w" || (type === F_WRLCK && other[at] === "r"));
      const locker = lockers[who] as Locker;
      expect(locker.set({ type, start, length }), `step ${step}`).toBe(refused ? "EAGAIN" : 0);
      if (!refused) for (const at of range) mine[at] = type === F_RDLCK ? "r" : type === F_WRLCK ? "w" : "-";
      const first = Array.from({ length: bytes }, (_, at) => at).find((at) => other[at] !== "-");
      const seen = locker.get({ type: F_WRLCK, start: 0, length: bytes });
      expect(seen === "free", `step ${step}`).toBe(first === undefined);
      if (first !== undefined) {
        let end = first;
        while (end < bytes && other[end] === other[first]) end++;
        const { pid } = (lockers[1 - who] as Locker).process;
        expect(seen, `step ${step}`).toBe(`${other[first] === "w" ? "write" : "read"} ${first} ${end - first} ${pid}`);
      }
    }
  });
});
