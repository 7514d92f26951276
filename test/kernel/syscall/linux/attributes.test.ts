/**
 * What files are and how that is changed: stat in all its forms, statx, access, modes, owners, times, statfs, extended attributes.
 */
import { describe, expect, it } from "vitest";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../../kernel/abi/fcntl.ts";
import { UTIME_NOW, UTIME_OMIT } from "../../../../kernel/syscall/attributes.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const TIMES = BUFFER + 4096;
/** What the fixture's clock says at first, in seconds. */
const NOW = 1_700_000_000;

function machine() {
  const m = new LinuxMachine();
  const fd = m.must("open", "/file", O_RDWR | O_CREAT, 0o640);
  m.must("symlink", "file", "/link");
  m.must("symlink", "none", "/dangling");
  return { m, fd };
}

function stat(m: LinuxMachine) {
  const { mem } = m.process;
  return {
    ino: mem.getI64(BUFFER + 8),
    mode: mem.getU32(BUFFER + 24),
    uid: mem.getU32(BUFFER + 28),
    gid: mem.getU32(BUFFER + 32),
    rdev: mem.getI64(BUFFER + 40),
    size: mem.getI64(BUFFER + 48),
    atime: mem.getI64(BUFFER + 72),
    mtime: mem.getI64(BUFFER + 88),
    mtimeNsec: mem.getI64(BUFFER + 96),
    ctime: mem.getI64(BUFFER + 104),
  };
}

function statOf(m: LinuxMachine, path: string) {
  m.must("lstat", path, BUFFER);
  return stat(m);
}

/** Pairs of i64 at TIMES. */
function times(m: LinuxMachine, ...values: number[]): number {
  values.forEach((value, index) => void m.process.mem.setI64(TIMES + 8 * index, value));
  return TIMES;
}

describe("stat", () => {
  it("follows links or not, by name, by descriptor and by directory", () => {
    const { m, fd } = machine();
    const { ino } = statOf(m, "/file");
    expect(statOf(m, "/link").mode & S_IFMT).toBe(S_IFLNK);
    m.must("stat", "/link", BUFFER);
    expect(stat(m)).toMatchObject({ ino, mode: S_IFREG | 0o640, uid: 0, gid: 0 });
    m.must("fstat", fd, BUFFER);
    expect(stat(m).ino).toBe(ino);
    m.must("newfstatat", AT_FDCWD, "link", BUFFER, AT_SYMLINK_NOFOLLOW);
    expect(stat(m).mode & S_IFMT).toBe(S_IFLNK);
    m.must("newfstatat", fd, "", BUFFER, AT_EMPTY_PATH);
    expect(stat(m).ino).toBe(ino);
    m.must("newfstatat", AT_FDCWD, "", BUFFER, AT_EMPTY_PATH);
    expect(stat(m).mode & S_IFMT).toBe(S_IFDIR);
    m.must("stat", "/dev/null", BUFFER);
    expect(stat(m)).toMatchObject({ mode: S_IFCHR | 0o666, rdev: 0x103 });
    m.must("pipe2", TIMES, 0);
    m.must("newfstatat", m.process.mem.getU32(TIMES), "", BUFFER, AT_EMPTY_PATH);
    expect(stat(m).mode & S_IFMT).toBe(S_IFIFO);
  });

  it("refuses what is wrong, and a bad buffer only once there is something to tell", () => {
    const { m, fd } = machine();
    expect(m.call("stat", "/dangling", BUFFER)).toBe("ENOENT");
    expect(m.call("stat", "", BUFFER)).toBe("ENOENT");
    expect(m.call("stat", "/none", -1)).toBe("ENOENT");
    expect(m.call("stat", "/file", -1)).toBe("EFAULT");
    expect(m.call("stat", "/file", 0)).toBe("EFAULT");
    expect(m.call("stat", -1, BUFFER)).toBe("EFAULT");
    expect(m.call("fstat", 99, BUFFER)).toBe("EBADF");
    expect(m.call("fstat", fd, -1)).toBe("EFAULT");
    expect(m.call("newfstatat", fd, "", BUFFER, 0)).toBe("ENOENT");
    expect(m.call("newfstatat", 99, "", BUFFER, AT_EMPTY_PATH)).toBe("EBADF");
    expect(m.call("newfstatat", fd, "x", BUFFER, 0)).toBe("ENOTDIR");
    expect(m.call("newfstatat", AT_FDCWD, "/file", BUFFER, 0x8000)).toBe("EINVAL");
  });

  it("statx: the same, in its own layout", () => {
    const { m, fd } = machine();
    const { mem } = m.process;
    m.must("ftruncate", fd, 12345);
    mem.u8.fill(0xff, BUFFER, BUFFER + 256);
    expect(m.call("statx", AT_FDCWD, "/link", 0, 0xfff, BUFFER)).toBe(0);
    expect(mem.getU32(BUFFER)).toBe(0x7ff);
    expect(mem.getU16(BUFFER + 28)).toBe(S_IFREG | 0o640);
    expect(mem.getI64(BUFFER + 40)).toBe(12345);
    expect([mem.getI64(BUFFER + 112), mem.getI64(BUFFER + 80)]).toEqual([NOW, 0]); // mtime, no time of birth
    expect(m.call("statx", AT_FDCWD, "/dev/null", 0, 0x7ff, BUFFER)).toBe(0);
    expect([mem.getU32(BUFFER + 128), mem.getU32(BUFFER + 132)]).toEqual([1, 3]);
    expect(m.call("statx", AT_FDCWD, "/link", AT_SYMLINK_NOFOLLOW, 0, BUFFER)).toBe(0);
    expect(mem.getU16(BUFFER + 28) & S_IFMT).toBe(S_IFLNK);
    expect(m.call("statx", fd, "", AT_EMPTY_PATH, 0, BUFFER)).toBe(0);
    expect(m.call("statx", AT_FDCWD, "/file", 0x6000, 0, BUFFER)).toBe("EINVAL");
    expect(m.call("statx", AT_FDCWD, "/file", 0, 0x80000000 | 0, BUFFER)).toBe("EINVAL");
    expect(m.call("statx", AT_FDCWD, "/file", 1, 0, BUFFER)).toBe("EINVAL");
    expect(m.call("statx", AT_FDCWD, "/file", 0, 0, -1)).toBe("EFAULT");
    expect(m.call("statx", AT_FDCWD, "/none", 0, 0, BUFFER)).toBe("ENOENT");
  });
});

describe("access", () => {
  it("is root's: everything but executing what nobody may execute", () => {
    const { m, fd } = machine();
    m.must("chmod", "/file", 0);
    expect(m.call("access", "/file", 6)).toBe(0);
    expect(m.call("access", "/file", 1)).toBe("EACCES");
    m.must("fchmod", fd, 0o010);
    expect(m.call("access", "/link", 1)).toBe(0);
    expect(m.call("access", "/tmp", 7)).toBe(0);
    expect(m.call("access", "/file", 8)).toBe("EINVAL");
    expect(m.call("access", "/dangling", 0)).toBe("ENOENT");
    expect(m.call("faccessat", AT_FDCWD, "/file", 4)).toBe(0);
    expect(m.call("faccessat2", AT_FDCWD, "/dangling", 0, AT_SYMLINK_NOFOLLOW)).toBe(0);
    expect(m.call("faccessat2", fd, "", 4, AT_EMPTY_PATH)).toBe(0);
    expect(m.call("faccessat2", AT_FDCWD, "/file", 4, 0x200)).toBe(0);
    expect(m.call("faccessat2", AT_FDCWD, "/file", 4, 1)).toBe("EINVAL");
  });
});

describe("modes and owners", () => {
  it("are kept; ids of -1 stay", () => {
    const { m, fd } = machine();
    expect(m.call("chmod", "/link", 0o104755)).toBe(0);
    expect(statOf(m, "/file").mode).toBe(S_IFREG | 0o4755);
    expect(m.call("fchmodat", AT_FDCWD, "/file", 0o600)).toBe(0);
    expect(m.call("fchmodat2", AT_FDCWD, "/link", 0o600, AT_SYMLINK_NOFOLLOW)).toBe("EOPNOTSUPP");
    expect(m.call("fchmodat2", AT_FDCWD, "/link", 0o604, 0)).toBe(0);
    expect(m.call("fchmodat2", AT_FDCWD, "/link", 0o604, 1)).toBe("EINVAL");
    expect(statOf(m, "/file").mode).toBe(S_IFREG | 0o604);
    expect(m.call("chown", "/link", 1000, -1)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ uid: 1000, gid: 0 });
    expect(m.call("fchown", fd, -1, 2000)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ uid: 1000, gid: 2000 });
    expect(m.call("lchown", "/link", 3000, 3000)).toBe(0);
    expect(statOf(m, "/link")).toMatchObject({ uid: 3000, gid: 3000 });
    expect(m.call("fchownat", AT_FDCWD, "/link", 4000, -1, AT_SYMLINK_NOFOLLOW)).toBe(0);
    expect(statOf(m, "/link").uid).toBe(4000);
    expect(m.call("fchownat", fd, "", 7, 7, AT_EMPTY_PATH)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ uid: 7, gid: 7 });
    expect(m.call("chown", "/none", 0, 0)).toBe("ENOENT");
    expect(m.call("chown", "/file", -1, -1)).toBe(0);
    expect(m.call("fchown", 99, 0, 0)).toBe("EBADF");
    expect(m.call("fchownat", AT_FDCWD, "/file", 0, 0, 1)).toBe("EINVAL");
    expect(m.call("chmod", "/proc/uptime", 0o777)).toBe("EPERM");
  });

  it("of what has no name are accepted, and forgotten", () => {
    const { m } = machine();
    m.must("pipe2", BUFFER, 0);
    const readFd = m.process.mem.getU32(BUFFER);
    expect(m.call("fchmod", readFd, 0o600)).toBe(0);
    expect(m.call("fchown", readFd, 1, 1)).toBe(0);
    expect(m.call("fstatfs", readFd, BUFFER)).toBe(0);
  });
});

describe("times", () => {
  it("utimensat: now, omitted, given; of a link, of a descriptor", () => {
    const { m, fd } = machine();
    m.time.advance(5000);
    expect(m.call("utimensat", AT_FDCWD, "/file", times(m, 100, 5, 200, 999_999_999), 0)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ atime: 100, mtime: 200, mtimeNsec: 999_999_999, ctime: NOW + 5 });
    expect(m.call("utimensat", AT_FDCWD, "/file", times(m, 0, UTIME_OMIT, 7, UTIME_NOW), 0)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ atime: 100, mtime: NOW + 5 });
    expect(m.call("utimensat", AT_FDCWD, "/link", times(m, 1, 0, 2, 0), AT_SYMLINK_NOFOLLOW)).toBe(0);
    expect(statOf(m, "/link").mtime).toBe(2);
    expect(m.call("utimensat", fd, 0, times(m, 3, 0, 4, 0), 0)).toBe(0);
    expect(statOf(m, "/file").mtime).toBe(4);
    expect(m.call("utimensat", fd, "", times(m, 3, 0, 5, 0), AT_EMPTY_PATH)).toBe(0);
    expect(statOf(m, "/file").mtime).toBe(5);
    expect(m.call("utimensat", AT_FDCWD, "/file", 0, 0)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ atime: NOW + 5, mtime: NOW + 5 });
    expect(m.call("utimensat", AT_FDCWD, "/file", times(m, 1, 1_000_000_000, 2, 0), 0)).toBe("EINVAL");
    expect(m.call("utimensat", AT_FDCWD, "/file", times(m, 1, 0, 2, -1), 0)).toBe("EINVAL");
    expect(m.call("utimensat", AT_FDCWD, 0, times(m, 1, 0, 2, 0), 0)).toBe("EFAULT");
    expect(m.call("utimensat", 99, 0, times(m, 1, 0, 2, 0), 0)).toBe("EBADF");
    expect(m.call("utimensat", AT_FDCWD, "/file", -8, 0)).toBe("EFAULT");
    expect(m.call("utimensat", AT_FDCWD, "/none", 0, 0)).toBe("ENOENT");
    expect(m.call("utimensat", AT_FDCWD, "/file", times(m, -5, 0, -1, 0), 0)).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ atime: -5, mtime: -1 });
  });

  it("utime, utimes, futimesat", () => {
    const { m, fd } = machine();
    expect(m.call("utime", "/link", times(m, 10, 20))).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ atime: 10, mtime: 20, mtimeNsec: 0 });
    expect(m.call("utimes", "/file", times(m, 1, 2, 3, 400_000))).toBe(0);
    expect(statOf(m, "/file")).toMatchObject({ atime: 1, mtime: 3, mtimeNsec: 400_000_000 });
    expect(m.call("utimes", "/file", times(m, 1, 2, 3, 1_000_000))).toBe("EINVAL");
    expect(m.call("utimes", "/file", times(m, 1, 0x3fffffff, 3, 0))).toBe("EINVAL"); // no UTIME_NOW here
    expect(m.call("futimesat", fd, 0, times(m, 5, 0, 6, 0))).toBe(0);
    expect(statOf(m, "/file").mtime).toBe(6);
    expect(m.call("utime", "/file", 0)).toBe(0);
    expect(statOf(m, "/file").mtime).toBe(NOW);
    expect(m.call("utime", "/file", -1)).toBe("EFAULT");
    expect(m.call("utime", "/none", 0)).toBe("ENOENT");
  });

  it("of a read and of a write", () => {
    const { m, fd } = machine();
    m.time.advance(1000);
    m.must("write", fd, BUFFER, 10);
    expect(statOf(m, "/file")).toMatchObject({ atime: NOW, mtime: NOW + 1, ctime: NOW + 1 });
    m.time.advance(1000);
    m.must("pread64", fd, BUFFER, 10, 0);
    expect(statOf(m, "/file")).toMatchObject({ atime: NOW + 2, mtime: NOW + 1 });
  });
});

describe("statfs", () => {
  it("tells of the file system", () => {
    const { m, fd } = machine();
    const { mem } = m.process;
    m.must("statfs", "/tmp", BUFFER);
    const [type, bsize, blocks] = [mem.getI64(BUFFER), mem.getI64(BUFFER + 8), mem.getI64(BUFFER + 16)];
    expect([type, bsize]).toEqual([0x858458f6, 4096]);
    expect(blocks).toBeGreaterThan(0);
    m.must("fstatfs", fd, BUFFER);
    expect([mem.getI64(BUFFER), mem.getI64(BUFFER + 64)]).toEqual([type, 255]);
    m.must("statfs", "/proc/self", BUFFER);
    expect(mem.getI64(BUFFER)).toBe(0x9fa0);
    expect(m.call("fstatfs", m.must("open", "/sys", O_PATH, 0), BUFFER)).toBe(0);
    expect(m.call("statfs", "/none", BUFFER)).toBe("ENOENT");
    expect(m.call("statfs", "/", -1)).toBe("EFAULT");
    expect(m.call("fstatfs", 99, BUFFER)).toBe("EBADF");
  });
});

describe("extended attributes", () => {
  it("there are none: EOPNOTSUPP, where the file is there", () => {
    const { m } = machine();
    const fd = m.must("open", "/file", O_RDONLY, 0);
    for (const verb of ["set", "get", "list", "remove"]) {
      expect(m.call(`${verb}xattr`, "/file", "user.a", BUFFER, 1, 0), verb).toBe("EOPNOTSUPP");
      expect(m.call(`l${verb}xattr`, "/dangling", "user.a", BUFFER, 1, 0), verb).toBe("EOPNOTSUPP");
      expect(m.call(`f${verb}xattr`, fd, "user.a", BUFFER, 1, 0), verb).toBe("EOPNOTSUPP");
      expect(m.call(`${verb}xattr`, "/dangling", "user.a", BUFFER, 1, 0), verb).toBe("ENOENT");
      expect(m.call(`f${verb}xattr`, 99, "user.a", BUFFER, 1, 0), verb).toBe("EBADF");
    }
  });
});
