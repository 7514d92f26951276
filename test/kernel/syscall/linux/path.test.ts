/**
 * Calls on names as Linux programs make them, in Linux' order of errors: open(2) with every flag, links, renameat2(2), mknod(2), chroot(2).
 */
import { describe, expect, it } from "vitest";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../../../kernel/abi/fcntl.ts";
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from "../../../../kernel/fs/vfs.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const O_TMPFILE = 0o20200000;
const F_GETFL = 3;
const F_GETFD = 1;

const statOf = (m: LinuxMachine, path: string) => {
  m.must("lstat", path, BUFFER);
  const { mem } = m.process;
  return { ino: mem.getI64(BUFFER + 8), nlink: mem.getI64(BUFFER + 16), mode: mem.getU32(BUFFER + 24) };
};

const create = (m: LinuxMachine, path: string, contents = ""): number => {
  const fd = m.must("open", path, O_RDWR | O_CREAT | O_EXCL, 0o644);
  m.put(BUFFER, contents);
  m.must("write", fd, BUFFER, contents.length);
  return fd;
};

const contentsOf = (m: LinuxMachine, path: string): string => {
  const fd = m.must("open", path, O_RDONLY, 0);
  const length = m.must("read", fd, BUFFER, 4096);
  m.must("close", fd);
  return m.text(BUFFER, length);
};

const readlink = (m: LinuxMachine, path: string): string | number => {
  const length = m.call("readlink", path, BUFFER, 4096);
  return typeof length === "number" ? m.text(BUFFER, length) : length;
};

describe("open", () => {
  it("keeps access mode and status flags, not how it was opened", () => {
    const m = new LinuxMachine();
    const fd = m.must("open", "/a", O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600);
    expect(m.call("fcntl", fd, F_GETFL, 0)).toBe(O_RDWR | O_APPEND | O_LARGEFILE);
    expect(m.call("fcntl", fd, F_GETFD, 0)).toBe(1);
    expect(statOf(m, "/a").mode).toBe(S_IFREG | 0o600);
    expect(m.call("creat", "/b", 0o666)).toBe(fd + 1);
    expect(m.call("fcntl", fd + 1, F_GETFL, 0)).toBe(O_WRONLY | O_LARGEFILE);
    expect(statOf(m, "/b").mode & 0o777).toBe(0o644); // the umask
  });

  it("answers in Linux' order", () => {
    const m = new LinuxMachine();
    create(m, "/file");
    m.must("mkdir", "/dir", 0o755);
    m.must("symlink", "dir", "/to-dir");
    m.must("symlink", "nowhere", "/dangling");
    m.must("symlink", "loop", "/loop");
    const cases: [string, number, string | number][] = [
      ["", O_RDONLY, "ENOENT"],
      ["/none", O_RDONLY, "ENOENT"],
      ["/file/x", O_RDONLY, "ENOTDIR"],
      ["/file/", O_RDONLY, "ENOTDIR"],
      ["/none/", O_CREAT | O_WRONLY, "EISDIR"],
      ["/dir", O_WRONLY, "EISDIR"],
      ["/dir", O_CREAT | O_RDONLY, "EISDIR"],
      ["/file", O_DIRECTORY, "ENOTDIR"],
      ["/file", O_CREAT | O_EXCL | O_WRONLY, "EEXIST"],
      ["/dangling", O_CREAT | O_EXCL | O_WRONLY, "EEXIST"],
      ["/dangling", O_RDONLY, "ENOENT"],
      ["/to-dir", O_NOFOLLOW, "ELOOP"],
      ["/to-dir", O_NOFOLLOW | O_DIRECTORY, "ENOTDIR"],
      ["/loop", O_RDONLY, "ELOOP"],
      [`/${"x".repeat(256)}`, O_RDONLY, "ENAMETOOLONG"],
      [`/${"x/".repeat(2048)}`, O_RDONLY, "ENAMETOOLONG"],
    ];
    for (const [path, flags, expected] of cases)
      expect(m.call("open", path, flags, 0), `${path.slice(0, 20)} ${flags}`).toBe(expected);
    expect(m.call("openat", 99, "file", O_RDONLY, 0)).toBe("EBADF");
    expect(m.call("openat", m.must("open", "/file", O_RDONLY, 0), "x", O_RDONLY, 0)).toBe("ENOTDIR");
    expect(m.call("open", 0, O_RDONLY, 0)).toBe("EFAULT");
    expect(m.call("open", -1, O_RDONLY, 0)).toBe("EFAULT");
    expect(m.call("open", "/dangling", O_CREAT | O_WRONLY, 0o644)).toBeGreaterThan(2); // makes what it points to
    expect(m.call("access", "/nowhere", 0)).toBe(0);
  });

  it("O_PATH: a place, not a file", () => {
    const m = new LinuxMachine();
    create(m, "/file", "x");
    m.must("symlink", "file", "/link");
    const fd = m.must("open", "/link", O_PATH | O_NOFOLLOW | O_RDWR | O_CREAT, 0);
    expect(m.call("fcntl", fd, F_GETFL, 0)).toBe(O_PATH | O_NOFOLLOW);
    for (const [name, ...args] of [
      ["read", BUFFER, 1],
      ["write", BUFFER, 1],
      ["ftruncate", 0],
      ["fchmod", 0o600],
      ["fchown", 0, 0],
      ["ioctl", 0x541b, BUFFER],
      ["lseek", 0, 0],
      ["flock", 1],
      ["fsync"],
      ["getdents64", BUFFER, 100],
      ["fgetxattr", BUFFER, BUFFER, 0],
    ] as [string, ...number[]][])
      expect(m.call(name, fd, ...args), name).toBe("EBADF");
    m.must("fstat", fd, BUFFER);
    expect(m.process.mem.getU32(BUFFER + 24) & S_IFMT).toBe(S_IFLNK);
    expect(m.call("readlinkat", fd, "", BUFFER, 100)).toBe(4);
    const dir = m.must("open", "/tmp", O_PATH | O_DIRECTORY, 0);
    expect(m.call("openat", dir, "made", O_CREAT | O_WRONLY, 0o644)).toBeGreaterThan(dir);
    expect(m.call("fchdir", dir)).toBe(0);
    expect(m.call("access", "made", 0)).toBe(0);
    expect(m.call("fchdir", fd)).toBe("ENOTDIR");
  });

  it("O_TMPFILE: no name, until linkat gives it one", () => {
    const m = new LinuxMachine();
    const fd = m.must("open", "/tmp", O_TMPFILE | O_RDWR, 0o640);
    m.put(BUFFER, "kept");
    m.must("write", fd, BUFFER, 4);
    expect(m.call("linkat", fd, "", AT_FDCWD, "/tmp/named", AT_EMPTY_PATH)).toBe(0);
    expect(contentsOf(m, "/tmp/named")).toBe("kept");
    expect(statOf(m, "/tmp/named")).toMatchObject({ nlink: 1, mode: S_IFREG | 0o640 });
    const second = m.must("open", "/tmp", O_TMPFILE | O_RDWR, 0o640);
    expect(m.call("linkat", AT_FDCWD, `/proc/self/fd/${second}`, AT_FDCWD, "/tmp/second", AT_SYMLINK_FOLLOW)).toBe(0);
    const never = m.must("open", "/tmp", O_TMPFILE | O_RDWR | O_EXCL, 0o640);
    expect(m.call("linkat", never, "", AT_FDCWD, "/tmp/never", AT_EMPTY_PATH)).toBe("ENOENT");
    expect(m.call("open", "/tmp", O_TMPFILE | O_RDONLY, 0)).toBe("EINVAL");
    expect(m.call("open", "/tmp/named", O_TMPFILE | O_RDWR, 0)).toBe("ENOTDIR");
    expect(m.call("open", "/none", O_TMPFILE | O_RDWR, 0)).toBe("ENOENT");
    expect(m.call("open", "/proc", O_TMPFILE | O_RDWR, 0)).toBe("EOPNOTSUPP");
  });
});

describe("names", () => {
  it("link, symlink, readlink, unlink", () => {
    const m = new LinuxMachine();
    create(m, "/a", "contents");
    m.must("mkdir", "/d", 0o755);
    expect(m.call("link", "/a", "/b")).toBe(0);
    expect(statOf(m, "/a").nlink).toBe(2);
    expect(statOf(m, "/b").ino).toBe(statOf(m, "/a").ino);
    expect(m.call("link", "/d", "/e")).toBe("EPERM");
    expect(m.call("link", "/a", "/b")).toBe("EEXIST");
    expect(m.call("link", "/none", "/c")).toBe("ENOENT");
    expect(m.call("link", "/a", "/dev/c")).toBe("EXDEV");
    expect(m.call("linkat", AT_FDCWD, "/a", AT_FDCWD, "/c", 0x100)).toBe("EINVAL");
    expect(m.call("symlink", "a", "/s")).toBe(0);
    expect(m.call("link", "/s", "/s2")).toBe(0); // the link itself
    expect(readlink(m, "/s2")).toBe("a");
    expect(m.call("linkat", AT_FDCWD, "/s", AT_FDCWD, "/c", AT_SYMLINK_FOLLOW)).toBe(0);
    expect(statOf(m, "/c").mode & S_IFMT).toBe(S_IFREG);
    expect(m.call("readlink", "/s", BUFFER, 0)).toBe("EINVAL");
    expect(m.call("readlink", "/a", BUFFER, 10)).toBe("EINVAL");
    expect(m.call("readlink", "", BUFFER, 10)).toBe("ENOENT");
    expect(m.call("readlink", "/s", 0, 10)).toBe("EFAULT");
    expect(m.call("symlink", "", "/t")).toBe("ENOENT");
    expect(m.call("symlink", "x", "/a")).toBe("EEXIST");
    expect(m.call("unlink", "/d")).toBe("EISDIR");
    expect(m.call("unlink", "/s/")).toBe("ENOTDIR");
    expect(m.call("unlinkat", AT_FDCWD, "/a", AT_REMOVEDIR)).toBe("ENOTDIR");
    expect(m.call("unlinkat", AT_FDCWD, "/a", 1)).toBe("EINVAL");
    expect(m.call("rmdir", "/d/.")).toBe("EINVAL");
    expect(m.call("rmdir", "/")).toBe("EBUSY");
    expect(m.call("rmdir", "/d/")).toBe(0);
    expect(m.call("unlink", "/a")).toBe(0);
    expect(contentsOf(m, "/b")).toBe("contents");
  });

  it("renameat2: RENAME_NOREPLACE and RENAME_EXCHANGE", () => {
    const m = new LinuxMachine();
    const rename = (from: string, to: string, flags: number) =>
      m.call("renameat2", AT_FDCWD, from, AT_FDCWD, to, flags);
    create(m, "/a", "A");
    create(m, "/b", "B");
    m.must("mkdir", "/d", 0o755);
    m.must("mkdir", "/d/sub", 0o755);
    create(m, "/d/sub/deep");
    expect(rename("/a", "/b", RENAME_NOREPLACE)).toBe("EEXIST");
    expect(rename("/a", "/.", RENAME_NOREPLACE)).toBe("EEXIST");
    expect(rename("/a", "/.", 0)).toBe("EBUSY");
    expect(rename("/a", "/c", RENAME_NOREPLACE)).toBe(0);
    expect(rename("/c", "/b", RENAME_EXCHANGE)).toBe(0);
    expect([contentsOf(m, "/c"), contentsOf(m, "/b")]).toEqual(["B", "A"]);
    expect(rename("/c", "/none", RENAME_EXCHANGE)).toBe("ENOENT");
    expect(rename("/c", "/b", RENAME_EXCHANGE | RENAME_NOREPLACE)).toBe("EINVAL");
    expect(rename("/c", "/b", 4)).toBe("EINVAL");
    expect(rename("/d", "/d/sub", RENAME_EXCHANGE)).toBe("EINVAL");
    expect(rename("/d/sub", "/d", RENAME_EXCHANGE)).toBe("EINVAL");
    expect(rename("/d/sub", "/d", 0)).toBe("ENOTEMPTY");
    expect(rename("/c", "/b/", RENAME_EXCHANGE)).toBe("ENOTDIR");
    // A file and a directory change places, with what ".." means and with link counts.
    const before = statOf(m, "/").nlink;
    expect(rename("/d/sub", "/c", RENAME_EXCHANGE)).toBe(0);
    expect(statOf(m, "/d").nlink).toBe(2);
    expect(statOf(m, "/").nlink).toBe(before + 1);
    expect(contentsOf(m, "/d/sub")).toBe("B");
    m.must("chdir", "/c");
    m.must("getcwd", BUFFER, 100);
    expect(m.text(BUFFER, 3)).toBe("/c\0");
    expect(statOf(m, "/c/..").ino).toBe(statOf(m, "/").ino);
    expect(m.call("access", "/c/deep", 0)).toBe(0);
  });

  it("mknod: regular files, named pipes, sockets; no devices, no directories", () => {
    const m = new LinuxMachine();
    expect(m.call("mknod", "/file", S_IFREG | 0o666, 0)).toBe(0);
    expect(m.call("mknod", "/plain", 0o600, 0)).toBe(0);
    expect(m.call("mknodat", AT_FDCWD, "/fifo", S_IFIFO | 0o600, 0)).toBe(0);
    expect(m.call("mknod", "/socket", S_IFSOCK | 0o600, 0)).toBe(0);
    expect(statOf(m, "/file").mode).toBe(S_IFREG | 0o644);
    expect(statOf(m, "/plain").mode).toBe(S_IFREG | 0o600);
    expect(statOf(m, "/fifo").mode).toBe(S_IFIFO | 0o600);
    expect(statOf(m, "/socket").mode).toBe(S_IFSOCK | 0o600);
    expect(m.call("open", "/socket", O_RDWR, 0)).toBe("ENXIO");
    expect(m.call("mknod", "/null", S_IFCHR | 0o666, 0x103)).toBe("EPERM");
    expect(m.call("mknod", "/dir", S_IFDIR | 0o755, 0)).toBe("EPERM");
    expect(m.call("mknod", "/what", 0o150000, 0)).toBe("EINVAL");
    expect(m.call("mknod", "/file", S_IFREG, 0)).toBe("EEXIST");
    expect(m.call("mknod", "/new/", S_IFREG, 0)).toBe("ENOENT");
    expect(m.call("mknod", "/proc/x", S_IFREG, 0)).toBe("EPERM");
    m.must("open", "/", O_RDONLY | O_DIRECTORY, 0);
  });

  it("chdir, fchdir, getcwd, chroot", () => {
    const m = new LinuxMachine();
    m.must("mkdir", "/jail", 0o755);
    m.must("mkdir", "/jail/in", 0o755);
    const outside = m.must("open", "/tmp", O_RDONLY | O_DIRECTORY, 0);
    expect(m.call("getcwd", BUFFER, 1)).toBe("ERANGE");
    expect(m.call("getcwd", BUFFER, 2)).toBe(2);
    expect(m.call("getcwd", -1, 100)).toBe("EFAULT");
    expect(m.call("chdir", "/jail/in")).toBe(0);
    expect(m.call("chroot", "/none")).toBe("ENOENT");
    create(m, "/file");
    expect(m.call("chroot", "/file")).toBe("ENOTDIR");
    const child = m.fork();
    expect(m.callOf(child, "chroot", "/jail")).toBe(0);
    expect(m.callOf(child, "access", "/in", 0)).toBe(0);
    expect(m.callOf(child, "access", "/../../jail", 0)).toBe("ENOENT");
    expect(m.call("access", "/jail", 0)).toBe(0); // the child's alone
    expect(m.callOf(child, "getcwd", BUFFER, 100)).toBe(4);
    expect(m.callOf(child, "fchdir", outside)).toBe(0); // known, and unavoidable
    expect(m.call("umask", 0o7077)).toBe(0o022);
    expect(m.call("umask", 0)).toBe(0o077);
    m.must("mkdir", "/gone", 0o755);
    m.must("chdir", "/gone");
    m.must("rmdir", "/gone");
    expect(m.call("getcwd", BUFFER, 100)).toBe("ENOENT");
    expect(m.call("open", "x", O_CREAT | O_WRONLY, 0o644)).toBe("ENOENT");
  });
});

describe("named pipes", () => {
  const fifo = () => {
    const m = new LinuxMachine();
    m.must("mknod", "/fifo", S_IFIFO | 0o600, 0);
    return m;
  };

  it("open waits for the other side, whichever comes first", () => {
    for (const [first, second] of [
      [O_RDONLY, O_WRONLY],
      [O_WRONLY, O_RDONLY],
    ] as const) {
      const m = fifo();
      const child = m.fork();
      const waiting = m.thread();
      expect(waiting.call("open", "/fifo", first, 0)).toBe(WOULD_BLOCK);
      m.run();
      expect(waiting.parked).toBe(true);
      const other = m.callOf(child, "open", "/fifo", second, 0) as number;
      expect(other).toBeGreaterThan(2);
      m.run();
      const mine = waiting.result as number;
      expect(mine).toBeGreaterThan(2);
      const [reader, readFd] = first === O_RDONLY ? [m.process, mine] : [child, other];
      const [writer, writeFd] = first === O_RDONLY ? [child, other] : [m.process, mine];
      writer.mem.u8.set([104, 105], BUFFER);
      expect(m.callOf(writer, "write", writeFd, BUFFER, 2)).toBe(2);
      expect(m.callOf(writer, "close", writeFd)).toBe(0);
      expect(m.callOf(reader, "read", readFd, BUFFER, 10)).toBe(2);
      expect(m.callOf(reader, "read", readFd, BUFFER, 10)).toBe(0);
    }
  });

  it("O_NONBLOCK: a reader opens, a writer alone gets ENXIO; O_RDWR never waits", () => {
    const m = fifo();
    expect(m.call("open", "/fifo", O_WRONLY | O_NONBLOCK, 0)).toBe("ENXIO");
    const reader = m.must("open", "/fifo", O_RDONLY | O_NONBLOCK, 0);
    expect(m.call("read", reader, BUFFER, 1)).toBe(0);
    const writer = m.must("open", "/fifo", O_WRONLY | O_NONBLOCK, 0);
    expect(m.call("read", reader, BUFFER, 1)).toBe("EAGAIN");
    expect(m.call("write", writer, BUFFER, 3)).toBe(3);
    m.must("close", writer);
    m.must("close", reader);
    const both = m.must("open", "/fifo", O_RDWR, 0);
    m.must("fcntl", both, 4, O_RDWR | O_NONBLOCK);
    expect(m.call("read", both, BUFFER, 10)).toBe("EAGAIN"); // what was in it went with its last end
    expect(m.call("write", both, BUFFER, 3)).toBe(3);
    expect(m.call("read", both, BUFFER, 10)).toBe(3);
    expect(m.call("lseek", both, 0, 0)).toBe("ESPIPE");
    expect(m.call("truncate", "/fifo", 0)).toBe("EINVAL");
  });

  it("who waits no more is not there: no end is left behind", () => {
    const m = fifo();
    const waiting = m.thread();
    expect(waiting.call("open", "/fifo", O_RDONLY, 0)).toBe(WOULD_BLOCK);
    m.machine.scheduler.drop(waiting.task); // it has been killed
    expect(m.call("open", "/fifo", O_WRONLY | O_NONBLOCK, 0)).toBe("ENXIO");
    const again = m.thread();
    expect(again.call("open", "/fifo", O_RDONLY, 0)).toBe(WOULD_BLOCK);
    m.machine.scheduler.interrupt(again.task, -4); // without a signal that has a handler: it goes on waiting
    m.run();
    expect(again.parked).toBe(true);
    expect(m.call("open", "/fifo", O_WRONLY | O_NONBLOCK, 0)).toBeGreaterThan(2);
    m.run();
    expect(again.result).toBeGreaterThan(2);
  });

  it("the name may go while somebody waits, and the pipe stays what it is", () => {
    const m = fifo();
    m.must("link", "/fifo", "/other");
    const waiting = m.thread();
    expect(waiting.call("open", "/fifo", O_RDONLY, 0)).toBe(WOULD_BLOCK);
    m.must("unlink", "/fifo");
    expect(m.call("open", "/other", O_WRONLY, 0)).toBeGreaterThan(2);
    m.run();
    expect(waiting.result).toBeGreaterThan(2);
  });

  it("a reader hears of no hang-up before there was a writer", () => {
    const m = fifo();
    const reader = m.must("open", "/fifo", O_RDONLY | O_NONBLOCK, 0);
    const file = m.process.fds.get(reader);
    expect(file?.poll(m.process)).toBe(0);
    m.must("close", m.must("open", "/fifo", O_WRONLY, 0));
    expect((file?.poll(m.process) ?? 0) & 0x10).toBe(0x10);
  });
});
