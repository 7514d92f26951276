/**
 * Sizes, room, advice, syncs, and getdents64(2).
 */
import { describe, expect, it } from "vitest";
import {
  AT_FDCWD,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFIFO,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
} from "../../../../kernel/abi/fcntl.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

function machine(contents = "") {
  const m = new LinuxMachine();
  const fd = m.must("open", "/file", O_RDWR | O_CREAT, 0o640);
  m.put(BUFFER, contents);
  if (contents !== "") m.must("write", fd, BUFFER, contents.length);
  const size = (): number => m.must("lseek", fd, 0, SEEK_END);
  const contentsNow = (): string => m.text(BUFFER, m.must("pread64", fd, BUFFER, 65536, 0));
  return { m, fd, size, contentsNow };
}

describe("sizes", () => {
  it("truncate and ftruncate: shorter, longer with zeroes; what is no regular file", () => {
    const { m, fd, contentsNow } = machine("0123456789");
    expect(m.call("truncate", "/file", 4)).toBe(0);
    expect(m.call("ftruncate", fd, 6)).toBe(0);
    expect(contentsNow()).toBe("0123\0\0");
    expect(m.call("truncate", "/tmp", 0)).toBe("EISDIR");
    expect(m.call("truncate", "/none", 0)).toBe("ENOENT");
    expect(m.call("truncate", "/file", -1)).toBe("EINVAL");
    expect(m.call("truncate", "/file", 2 ** 60)).toBe("EFBIG");
    m.must("mknod", "/fifo", S_IFIFO | 0o600, 0);
    expect(m.call("truncate", "/fifo", 0)).toBe("EINVAL");
    expect(m.call("ftruncate", m.must("open", "/file", O_RDONLY, 0), 0)).toBe("EINVAL");
    expect(m.call("ftruncate", 99, 0)).toBe("EBADF");
    expect(m.call("ftruncate", fd, -1)).toBe("EINVAL");
  });

  it("fallocate: the size, or not; holes", () => {
    const { m, fd, size, contentsNow } = machine("0123456789");
    expect(m.call("fallocate", fd, 0, 5, 20)).toBe(0);
    expect(size()).toBe(25);
    expect(m.call("fallocate", fd, 0, 0, 3)).toBe(0);
    expect(m.call("fallocate", fd, FALLOC_FL_KEEP_SIZE, 0, 1000)).toBe(0);
    expect(size()).toBe(25);
    m.must("ftruncate", fd, 10);
    expect(m.call("fallocate", fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 3, 4)).toBe(0);
    expect(contentsNow()).toBe("012\0\0\0\x00789");
    expect(m.call("fallocate", fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 8, 1000)).toBe(0);
    expect(contentsNow()).toBe("012\0\0\0\x007\0\0");
    expect(m.call("fallocate", fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 100, 5)).toBe(0);
    expect(size()).toBe(10);
    expect(m.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE, 0, 1)).toBe("EOPNOTSUPP");
    expect(m.call("fallocate", fd, 0x10, 0, 1)).toBe("EOPNOTSUPP");
    expect(m.call("fallocate", fd, 0, -1, 1)).toBe("EINVAL");
    expect(m.call("fallocate", fd, 0, 0, 0)).toBe("EINVAL");
    expect(m.call("fallocate", fd, 0, 2 ** 53, 2 ** 53)).toBe("EFBIG");
    expect(m.call("fallocate", m.must("open", "/file", O_RDONLY, 0), 0, 0, 1)).toBe("EBADF");
    m.must("pipe2", BUFFER, 0);
    expect(m.call("fallocate", m.process.mem.getU32(BUFFER + 4), 0, 0, 1)).toBe("ESPIPE");
  });

  it("a punched hole gives its memory back, and is written again", () => {
    const { m, fd } = machine();
    const blocks = (): number => {
      m.must("fstat", fd, BUFFER);
      return m.process.mem.getI64(BUFFER + 64);
    };
    for (let at = 0; at < 1024; at += 64) m.must("pwrite64", fd, BUFFER, 65536, at * 1024);
    const before = blocks();
    expect(m.call("fallocate", fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 65536, 512 * 1024)).toBe(0);
    expect(before - blocks()).toBe((512 * 1024) / 512);
    m.put(BUFFER, "back");
    m.must("pwrite64", fd, BUFFER, 4, 100_000);
    m.must("pread64", fd, BUFFER, 10, 99_998);
    expect(m.text(BUFFER, 8)).toBe("\0\0back\0\0");
  });

  it("lseek to data and holes: one hole, at the end", () => {
    const { m, fd } = machine("0123456789");
    expect(m.call("lseek", fd, 3, SEEK_DATA)).toBe(3);
    expect(m.call("lseek", fd, 3, SEEK_HOLE)).toBe(10);
    expect(m.call("lseek", fd, 10, SEEK_DATA)).toBe("ENXIO");
    expect(m.call("lseek", fd, -1, SEEK_DATA)).toBe("ENXIO");
    expect(m.call("lseek", fd, 0, 9)).toBe("EINVAL");
    expect(m.call("lseek", fd, -11, SEEK_END)).toBe("EINVAL");
    expect(m.call("lseek", fd, 2 ** 40, 0)).toBe(2 ** 40);
  });
});

describe("advice and syncs", () => {
  it("are accepted where they make sense", () => {
    const { m, fd } = machine("x");
    m.must("pipe2", BUFFER, 0);
    const pipe = m.process.mem.getU32(BUFFER);
    for (const name of ["fadvise", "fadvise64"]) {
      expect(m.call(name, fd, 0, 0, 4)).toBe(0);
      expect(m.call(name, fd, 0, -1, 0)).toBe("EINVAL");
      expect(m.call(name, fd, 0, 0, 6)).toBe("EINVAL");
      expect(m.call(name, pipe, 0, 0, 0)).toBe("ESPIPE");
      expect(m.call(name, 99, 0, 0, 0)).toBe("EBADF");
    }
    expect(m.call("readahead", fd, 0, 100)).toBe(0);
    expect(m.call("readahead", pipe, 0, 100)).toBe("EINVAL");
    expect(m.call("readahead", m.must("open", "/file", O_WRONLY, 0), 0, 100)).toBe("EBADF");
    expect(m.call("sync")).toBe(0);
    expect(m.call("syncfs", fd)).toBe(0);
    expect(m.call("syncfs", 99)).toBe("EBADF");
    expect(m.call("sync_file_range", fd, 0, 0, 7)).toBe(0);
    expect(m.call("sync_file_range", fd, 0, 0, 8)).toBe("EINVAL");
    expect(m.call("sync_file_range", fd, -1, 0, 0)).toBe("EINVAL");
    expect(m.call("sync_file_range", pipe, 0, 0, 0)).toBe("ESPIPE");
    expect(m.call("fsync", fd)).toBe(0);
    expect(m.call("fdatasync", fd)).toBe(0);
    expect(m.call("fsync", pipe)).toBe("EINVAL");
    expect(m.call("fsync", m.must("open", "/tmp", O_RDONLY | O_DIRECTORY, 0))).toBe(0);
  });
});

describe("getdents", () => {
  it("answers getdents64's structure under both names", () => {
    const { m, fd } = machine();
    m.must("mkdir", "/d", 0o755);
    m.must("open", "/d/a", O_WRONLY | O_CREAT, 0o644);
    for (const name of ["getdents64", "getdents"]) {
      const dir = m.must("open", "/d", O_RDONLY | O_DIRECTORY, 0);
      const length = m.must(name, dir, BUFFER, 4096);
      const { mem } = m.process;
      const names: [string, number][] = [];
      for (let at = BUFFER; at < BUFFER + length; at += mem.getU16(at + 16)) {
        names.push([mem.text(at + 19, mem.u8.indexOf(0, at + 19) - at - 19), mem.u8[at + 18] as number]);
      }
      expect(names).toEqual([
        [".", 4],
        ["..", 4],
        ["a", 8],
      ]);
      expect(m.call(name, dir, BUFFER, 4096)).toBe(0);
      m.must("lseek", dir, 0, 0);
      expect(m.call(name, dir, BUFFER, 10)).toBe("EINVAL");
      expect(m.call(name, dir, -8, 100)).toBe("EFAULT");
      expect(m.call(name, fd, BUFFER, 4096)).toBe("ENOTDIR");
      m.must("close", dir);
    }
    m.must("mkdir", "/gone", 0o755);
    const gone = m.must("openat", AT_FDCWD, "/gone", O_RDONLY | O_DIRECTORY, 0);
    m.must("rmdir", "/gone");
    expect(m.call("getdents64", gone, BUFFER, 4096)).toBe("ENOENT");
  });
});
