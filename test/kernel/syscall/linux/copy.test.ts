/**
 * sendfile(2), copy_file_range(2), splice(2), tee(2): what moves, which offsets move with it, who waits for whom.
 */
import { describe, expect, it } from "vitest";
import {
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SEEK_CUR,
} from "../../../../kernel/abi/fcntl.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const OFFSET = BUFFER + 200_000;
const SECOND_OFFSET = OFFSET + 8;
const PAIR = OFFSET + 16;
const SPLICE_F_NONBLOCK = 2;

function file(m: LinuxMachine, path: string, contents = ""): number {
  const fd = m.must("open", path, O_RDWR | O_CREAT, 0o644);
  m.put(BUFFER, contents);
  if (contents !== "") m.must("pwrite64", fd, BUFFER, contents.length, 0);
  return fd;
}

function pipe(m: LinuxMachine, flags = 0): [number, number] {
  m.must("pipe2", PAIR, flags);
  return [m.process.mem.getU32(PAIR), m.process.mem.getU32(PAIR + 4)];
}

const take = (m: LinuxMachine, fd: number, count = 100): string | number => {
  const length = m.call("read", fd, BUFFER, count);
  return typeof length === "number" ? m.text(BUFFER, length) : length;
};

const offset = (m: LinuxMachine, value: number, at = OFFSET): number => {
  m.process.mem.setI64(at, value);
  return at;
};

describe("sendfile", () => {
  it("moves the file's own offset, or the one it is given", () => {
    const m = new LinuxMachine();
    const from = file(m, "/a", "0123456789");
    const [readFd, writeFd] = pipe(m);
    expect(m.call("sendfile", writeFd, from, 0, 4)).toBe(4);
    expect(take(m, readFd)).toBe("0123");
    expect(m.call("sendfile", writeFd, from, offset(m, 7), 100)).toBe(3);
    expect(take(m, readFd)).toBe("789");
    expect(m.process.mem.getI64(OFFSET)).toBe(10);
    expect(m.call("lseek", from, 0, SEEK_CUR)).toBe(4);
    expect(m.call("sendfile", writeFd, from, offset(m, 10), 100)).toBe(0);
    const to = file(m, "/b");
    expect(m.call("sendfile", to, from, offset(m, 0), 10)).toBe(10);
    m.must("lseek", to, 0, 0);
    expect(take(m, to)).toBe("0123456789");
  });

  it("sends what fits, and waits only if nothing does", () => {
    const m = new LinuxMachine();
    const from = file(m, "/a");
    m.must("ftruncate", from, 200_000);
    const [readFd, writeFd] = pipe(m);
    expect(m.call("sendfile", writeFd, from, 0, 200_000)).toBe(65536);
    const waiting = m.thread();
    expect(waiting.call("sendfile", writeFd, from, 0, 200_000)).toBe(WOULD_BLOCK);
    expect(m.call("lseek", from, 0, SEEK_CUR)).toBe(65536);
    m.must("read", readFd, BUFFER, 65536);
    m.run();
    expect(waiting.result).toBe(65536);
    m.must("fcntl", writeFd, 4, O_NONBLOCK);
    expect(m.call("sendfile", writeFd, from, 0, 1)).toBe("EAGAIN");
  });

  it("refuses what it cannot do", () => {
    const m = new LinuxMachine();
    const from = file(m, "/a", "x");
    const [readFd, writeFd] = pipe(m);
    expect(m.call("sendfile", writeFd, readFd, 0, 1)).toBe("EINVAL");
    expect(m.call("sendfile", readFd, from, 0, 1)).toBe("EBADF");
    expect(m.call("sendfile", writeFd, m.must("open", "/a", O_WRONLY, 0), 0, 1)).toBe("EBADF");
    expect(m.call("sendfile", writeFd, m.must("open", "/a", O_PATH, 0), 0, 1)).toBe("EBADF");
    expect(m.call("sendfile", m.must("open", "/a", O_WRONLY | O_APPEND, 0), from, 0, 1)).toBe("EINVAL");
    expect(m.call("sendfile", writeFd, from, -8, 1)).toBe("EFAULT");
    expect(m.call("sendfile", writeFd, from, offset(m, -1), 1)).toBe("EINVAL");
  });
});

describe("copy_file_range", () => {
  it("copies within and between files, larger than its buffer", () => {
    const m = new LinuxMachine();
    const from = file(m, "/a");
    for (let at = 0; at < 3; at++) {
      m.process.mem.u8.fill(65 + at, BUFFER, BUFFER + 65536);
      m.must("pwrite64", from, BUFFER, 65536, at * 65536);
    }
    const to = file(m, "/b");
    expect(m.call("copy_file_range", from, offset(m, 10), to, offset(m, 5, SECOND_OFFSET), 1_000_000, 0)).toBe(196598);
    expect([m.process.mem.getI64(OFFSET), m.process.mem.getI64(SECOND_OFFSET)]).toEqual([196608, 196603]);
    expect(m.call("pread64", to, BUFFER, 4, 65536 - 5 - 2)).toBe(4);
    expect(m.text(BUFFER, 4)).toBe("AABB".slice(0, 4));
    m.must("lseek", from, 100, 0);
    expect(m.call("copy_file_range", from, 0, from, offset(m, 0), 100, 0)).toBe(100);
    expect(m.call("lseek", from, 0, SEEK_CUR)).toBe(200);
    expect(m.call("copy_file_range", from, offset(m, 10), from, offset(m, 50, SECOND_OFFSET), 100, 0)).toBe("EINVAL");
    expect(m.call("copy_file_range", from, offset(m, 2 ** 20), to, 0, 100, 0)).toBe(0);
  });

  it("refuses what it cannot do", () => {
    const m = new LinuxMachine();
    const from = file(m, "/a", "x");
    const to = file(m, "/b");
    const [readFd, writeFd] = pipe(m);
    expect(m.call("copy_file_range", from, 0, to, 0, 1, 1)).toBe("EINVAL");
    expect(m.call("copy_file_range", from, 0, writeFd, 0, 1, 0)).toBe("EINVAL");
    expect(m.call("copy_file_range", readFd, 0, to, 0, 1, 0)).toBe("EINVAL");
    expect(m.call("copy_file_range", from, 0, m.must("open", "/b", O_RDONLY, 0), 0, 1, 0)).toBe("EBADF");
    expect(m.call("copy_file_range", from, 0, m.must("open", "/b", O_WRONLY | O_APPEND, 0), 0, 1, 0)).toBe("EBADF");
    expect(m.call("copy_file_range", from, 0, to, -8, 1, 0)).toBe("EFAULT");
  });
});

describe("splice and tee", () => {
  it("file to pipe, pipe to file, pipe to pipe", () => {
    const m = new LinuxMachine();
    const from = file(m, "/a", "0123456789");
    const to = file(m, "/b");
    const [firstRead, firstWrite] = pipe(m);
    const [secondRead, secondWrite] = pipe(m);
    expect(m.call("splice", from, 0, firstWrite, 0, 4, 0)).toBe(4);
    expect(m.call("splice", from, offset(m, 8), firstWrite, 0, 100, 0)).toBe(2);
    expect(m.process.mem.getI64(OFFSET)).toBe(10);
    expect(m.call("tee", firstRead, secondWrite, 3, 0)).toBe(3);
    expect(m.call("splice", firstRead, 0, secondWrite, 0, 4, 0)).toBe(4);
    expect(take(m, secondRead)).toBe("0120123");
    expect(m.call("splice", firstRead, 0, to, offset(m, 3), 100, 0)).toBe(2);
    expect(m.process.mem.getI64(OFFSET)).toBe(5);
    expect(take(m, to)).toBe("\0\0\x0089");
    m.must("close", firstWrite);
    expect(m.call("splice", firstRead, 0, to, 0, 100, 0)).toBe(0);
  });

  it("wait for bytes and for room, and consume nothing meanwhile", () => {
    const m = new LinuxMachine();
    const [firstRead, firstWrite] = pipe(m);
    const [secondRead, secondWrite] = pipe(m);
    expect(m.call("splice", firstRead, 0, secondWrite, 0, 10, SPLICE_F_NONBLOCK)).toBe("EAGAIN");
    const waiting = m.thread();
    expect(waiting.call("splice", firstRead, 0, secondWrite, 0, 10, 0)).toBe(WOULD_BLOCK);
    m.put(BUFFER, "hello");
    m.must("write", firstWrite, BUFFER, 5);
    m.run();
    expect(waiting.result).toBe(5);
    expect(take(m, secondRead)).toBe("hello");
    m.must("write", secondWrite, BUFFER, 65536);
    m.put(BUFFER, "again");
    m.must("write", firstWrite, BUFFER, 5);
    expect(m.call("splice", firstRead, 0, secondWrite, 0, 10, SPLICE_F_NONBLOCK)).toBe("EAGAIN");
    expect(waiting.call("splice", firstRead, 0, secondWrite, 0, 10, 0)).toBe(WOULD_BLOCK);
    m.must("read", secondRead, BUFFER, 65536);
    m.run();
    expect(waiting.result).toBe(5);
    expect(take(m, secondRead)).toBe("again");
  });

  it("refuse what they cannot do", () => {
    const m = new LinuxMachine();
    const a = file(m, "/a", "x");
    const b = file(m, "/b");
    const [readFd, writeFd] = pipe(m);
    expect(m.call("splice", a, 0, b, 0, 1, 0)).toBe("EINVAL");
    expect(m.call("splice", readFd, 0, writeFd, 0, 1, 0)).toBe("EINVAL");
    expect(m.call("splice", readFd, offset(m, 0), b, 0, 1, 0)).toBe("ESPIPE");
    expect(m.call("splice", a, 0, writeFd, offset(m, 0), 1, 0)).toBe("ESPIPE");
    expect(m.call("splice", a, 0, writeFd, 0, 1, 64)).toBe("EINVAL");
    expect(m.call("splice", 99, 0, writeFd, 0, 1, 0)).toBe("EBADF");
    expect(m.call("splice", a, 0, writeFd, 0, 0, 0)).toBe(0);
    expect(m.call("tee", a, writeFd, 1, 0)).toBe("EINVAL");
    expect(m.call("tee", readFd, writeFd, 1, 0)).toBe("EINVAL");
    expect(m.call("tee", writeFd, readFd, 1, 0)).toBe("EBADF");
  });
});
