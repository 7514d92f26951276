/**
 * read(2), write(2) and the vectors, as Linux programs call them: SIGPIPE, RLIMIT_FSIZE, RLIMIT_NOFILE, offsets in two words.
 */
import { describe, expect, it } from "vitest";
import { AT_FDCWD, O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR, O_WRONLY } from "../../../../kernel/abi/fcntl.ts";
import { SIG_IGN, SIGPIPE, SIGXFSZ } from "../../../../kernel/abi/signal.ts";
import { RLIMIT_FSIZE, RLIMIT_NOFILE } from "../../../../kernel/process/resource-limits.ts";
import { SignalSet } from "../../../../kernel/process/signal-set.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { GuestExit } from "../../../../kernel/syscall/guest-exit.ts";
import { BUFFER, LinuxMachine } from "../../../kernel/process/linux-fixture.ts";

const VECTOR = BUFFER + 4096;
const PAIR = BUFFER + 8192;

function machineWithFile(contents = "") {
  const m = new LinuxMachine();
  const fd = m.must("openat", AT_FDCWD, "/file", O_RDWR | O_CREAT, 0o644);
  m.put(BUFFER, contents);
  if (contents !== "") m.must("pwrite64", fd, BUFFER, contents.length, 0);
  return { m, fd };
}

function ignore(m: LinuxMachine, signo: number): void {
  m.process.linux.signals.setAction(signo, { handler: SIG_IGN, flags: 0, restorer: 0, mask: new SignalSet() });
}

/** Pieces of [address, length]. */
function vector(m: LinuxMachine, ...pieces: [number, number][]): void {
  pieces.forEach(([base, length], index) => {
    m.process.mem.setU32(VECTOR + 8 * index, base);
    m.process.mem.setU32(VECTOR + 8 * index + 4, length);
  });
}

function pipe(m: LinuxMachine): [number, number] {
  m.must("pipe2", PAIR, 0);
  return [m.process.mem.getU32(PAIR), m.process.mem.getU32(PAIR + 4)];
}

describe("SIGPIPE", () => {
  it("ends a process that writes to a pipe without readers", () => {
    const m = new LinuxMachine();
    const [readFd, writeFd] = pipe(m);
    m.must("close", readFd);
    expect(() => m.call("write", writeFd, BUFFER, 1)).toThrow(GuestExit);
    expect(m.end?.code).toBe(128 + SIGPIPE);
  });

  it("ignored, leaves EPIPE to write, writev, sendfile and splice", () => {
    const { m, fd } = machineWithFile("contents");
    ignore(m, SIGPIPE);
    const [readFd, writeFd] = pipe(m);
    m.must("close", readFd);
    vector(m, [BUFFER, 1]);
    expect(m.call("write", writeFd, BUFFER, 1)).toBe("EPIPE");
    expect(m.call("writev", writeFd, VECTOR, 1)).toBe("EPIPE");
    expect(m.call("sendfile", writeFd, fd, 0, 4)).toBe("EPIPE");
    expect(m.call("splice", fd, 0, writeFd, 0, 4, 0)).toBe("EPIPE");
    expect(m.end).toBe(null);
  });

  it("is for streams: a socket of messages just answers EPIPE", () => {
    const m = new LinuxMachine();
    for (const type of [2, 5]) {
      m.must("socketpair", 1, type, 0, PAIR);
      const fd = m.process.mem.getU32(PAIR);
      m.must("shutdown", fd, 1);
      expect(m.call("write", fd, BUFFER, 1)).toBe("EPIPE");
    }
    m.must("socketpair", 1, 1, 0, PAIR);
    m.must("shutdown", m.process.mem.getU32(PAIR), 1);
    expect(() => m.call("write", m.process.mem.getU32(PAIR), BUFFER, 1)).toThrow(GuestExit);
  });

  it("is for the writing thread alone, and only for who writes: a blocked one stays pending", () => {
    const m = new LinuxMachine();
    const [readFd, writeFd] = pipe(m);
    m.must("close", readFd);
    const other = m.thread();
    const writer = m.thread();
    writer.task.linux?.blocked.add(SIGPIPE);
    expect(writer.call("write", writeFd, BUFFER, 1)).toBe(-32);
    expect(writer.task.linux?.pending.set.has(SIGPIPE)).toBe(true);
    expect(m.process.linux.signals.pending.set.has(SIGPIPE)).toBe(false);
    expect(other.call("getpid")).toBe(1);
  });
});

describe("RLIMIT_FSIZE", () => {
  it("cuts a write short, then refuses with EFBIG and SIGXFSZ", () => {
    const { m, fd } = machineWithFile("12345");
    ignore(m, SIGXFSZ);
    m.process.linux.limits.set(RLIMIT_FSIZE, { soft: 8, hard: 8 });
    m.must("lseek", fd, 5, 0);
    expect(m.call("write", fd, BUFFER, 10)).toBe(3);
    expect(m.call("write", fd, BUFFER, 10)).toBe("EFBIG");
    expect(m.call("write", fd, BUFFER, 0)).toBe(0);
    expect(m.call("pwrite64", fd, BUFFER, 10, 6)).toBe(2);
    expect(m.call("pwrite64", fd, BUFFER, 10, 8)).toBe("EFBIG");
    vector(m, [BUFFER, 2], [BUFFER, 4]);
    m.must("lseek", fd, 5, 0);
    expect(m.call("writev", fd, VECTOR, 2)).toBe(3);
    expect(m.call("ftruncate", fd, 9)).toBe("EFBIG");
    expect(m.call("truncate", "/file", 9)).toBe("EFBIG");
    expect(m.call("fallocate", fd, 0, 0, 9)).toBe("EFBIG");
    expect(m.call("ftruncate", fd, 8)).toBe(0);
    const [, writeFd] = pipe(m);
    expect(m.call("write", writeFd, BUFFER, 100)).toBe(100); // files only
    const from = m.must("openat", AT_FDCWD, "/from", O_RDWR | O_CREAT, 0o644);
    m.must("write", from, BUFFER, 8);
    m.must("lseek", from, 0, 0);
    m.must("lseek", fd, 6, 0);
    expect(m.call("sendfile", fd, from, 0, 8)).toBe(2);
    expect(m.call("sendfile", fd, from, 0, 8)).toBe("EFBIG");
    expect(m.call("copy_file_range", from, 0, fd, 0, 8, 0)).toBe("EFBIG");
    const appender = m.must("openat", AT_FDCWD, "/file", O_WRONLY | O_APPEND, 0);
    expect(m.call("write", appender, BUFFER, 1)).toBe("EFBIG");
  });

  it("kills who does not expect it", () => {
    const { m, fd } = machineWithFile();
    m.process.linux.limits.set(RLIMIT_FSIZE, { soft: 0, hard: 0 });
    expect(() => m.call("write", fd, BUFFER, 1)).toThrow(GuestExit);
    expect(m.end?.code).toBe(128 + SIGXFSZ);
  });
});

describe("RLIMIT_NOFILE", () => {
  it("is the highest descriptor plus one: EMFILE before anything is created, EBADF and EINVAL for dup", () => {
    const { m, fd } = machineWithFile();
    m.process.linux.limits.set(RLIMIT_NOFILE, { soft: fd + 2, hard: 65536 });
    expect(m.call("openat", AT_FDCWD, "/second", O_RDWR | O_CREAT, 0o644)).toBe(fd + 1);
    expect(m.call("openat", AT_FDCWD, "/third", O_RDWR | O_CREAT, 0o644)).toBe("EMFILE");
    expect(m.call("access", "/third", 0)).toBe("ENOENT");
    expect(m.call("dup", fd)).toBe("EMFILE");
    expect(m.call("dup2", fd, fd + 2)).toBe("EBADF");
    expect(m.call("fcntl", fd, 0, fd + 2)).toBe("EINVAL");
    expect(m.call("pipe2", PAIR, 0)).toBe("EMFILE");
    m.must("close", fd + 1);
    expect(m.call("pipe2", PAIR, 0)).toBe("EMFILE"); // one of two: none is left open
    expect(m.call("dup", fd)).toBe(fd + 1);
    expect(m.callOf(m.fork(), "dup", fd)).toBe("EMFILE");
  });
});

describe("vectors with an offset", () => {
  it("take the offset as one word or as two", () => {
    const { m, fd } = machineWithFile("0123456789");
    vector(m, [BUFFER + 100, 2], [BUFFER + 200, 3]);
    expect(m.call("preadv", fd, VECTOR, 2, 4, 0)).toBe(5);
    expect(m.text(BUFFER + 100, 2) + m.text(BUFFER + 200, 3)).toBe("45678");
    expect(m.call("lseek", fd, 0, 1)).toBe(0);
    const far = 5 * 2 ** 32 + 7;
    m.put(BUFFER, "AB");
    vector(m, [BUFFER, 2]);
    expect(m.call("pwritev", fd, VECTOR, 1, 7, 5)).toBe(2); // low, high
    expect(m.call("pwritev", fd, VECTOR, 1, far + 2, 5)).toBe(2); // all in the first one
    expect(m.call("pread64", fd, BUFFER + 100, 10, far)).toBe(4);
    expect(m.text(BUFFER + 100, 4)).toBe("ABAB");
    expect(m.call("preadv", fd, VECTOR, 1, -1, -1)).toBe("EINVAL");
    expect(m.call("pwritev", fd, VECTOR, 1, -5, -1)).toBe("EINVAL");
    expect(m.call("preadv", 99, VECTOR, 1, 0, 0)).toBe("EBADF");
    const [readFd] = pipe(m);
    expect(m.call("preadv", readFd, VECTOR, 1, 0, 0)).toBe("ESPIPE");
  });

  it("preadv2 and pwritev2: the file's own offset, RWF_APPEND, RWF_NOWAIT", () => {
    const { m, fd } = machineWithFile("0123456789");
    vector(m, [BUFFER + 100, 3]);
    expect(m.call("preadv2", fd, VECTOR, 1, -1, -1, 0)).toBe(3);
    expect(m.call("preadv2", fd, VECTOR, 1, -1, -1, 0)).toBe(3);
    expect(m.text(BUFFER + 100, 3)).toBe("345");
    m.put(BUFFER, "end");
    vector(m, [BUFFER, 3]);
    expect(m.call("pwritev2", fd, VECTOR, 1, 0, 0, 16)).toBe(3);
    expect(m.call("pread64", fd, BUFFER + 100, 20, 10)).toBe(3);
    expect(m.call("fcntl", fd, 3, 0)).toBe(O_RDWR | 0o100000); // O_APPEND was this call's alone
    expect(m.call("pwritev2", fd, VECTOR, 1, 0, 0, 4)).toBe("EOPNOTSUPP"); // RWF_SYNC
    expect(m.call("preadv2", fd, VECTOR, 1, 0, 0, 0x40000000)).toBe("EOPNOTSUPP");
    const [readFd] = pipe(m);
    expect(m.call("preadv2", readFd, VECTOR, 1, -1, -1, 8)).toBe("EAGAIN");
  });

  it("bad vectors: too many pieces, too many bytes, no memory", () => {
    const { m, fd } = machineWithFile("x");
    expect(m.call("readv", fd, VECTOR, -1)).toBe("EINVAL");
    expect(m.call("readv", fd, VECTOR, 1025)).toBe("EINVAL");
    expect(m.call("writev", fd, -8, 1)).toBe("EFAULT");
    vector(m, [BUFFER, 0x7fffffff], [BUFFER, 1]);
    expect(m.call("writev", fd, VECTOR, 2)).toBe("EFAULT");
    vector(m, [BUFFER, -1]);
    expect(m.call("preadv", fd, VECTOR, 1, 0, 0)).toBe("EINVAL");
    vector(m, [-4, 8]);
    expect(m.call("pwritev", fd, VECTOR, 1, 0, 0)).toBe("EFAULT");
    expect(m.call("writev", fd, VECTOR, 0)).toBe(0);
  });
});

describe("blocking", () => {
  it("a read that waits goes on when another process writes; O_NONBLOCK answers at once", () => {
    const m = new LinuxMachine();
    const [readFd, writeFd] = pipe(m);
    const child = m.fork();
    const reader = m.thread();
    expect(reader.call("read", readFd, BUFFER, 4)).toBe(WOULD_BLOCK);
    expect(m.callOf(child, "write", writeFd, BUFFER, 4)).toBe(4);
    m.run();
    expect(reader.result).toBe(4);
    m.must("fcntl", readFd, 4, O_NONBLOCK);
    expect(m.call("read", readFd, BUFFER, 4)).toBe("EAGAIN");
  });
});
