/**
 * The calls on files on a volume, where the host's folder is what decides: what works as in memory, and what is refused because Node or the host
 * have no means for it.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsDevice } from "../../../../host/devices/fs.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  F_RDLCK,
  F_SETLK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFIFO,
  S_IFREG,
  SEEK_END,
} from "../../../../kernel/abi/fcntl.ts";
import { mountVirtioFs } from "../../../../kernel/fs/fuse/mount.ts";
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from "../../../../kernel/fs/vfs.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const O_TMPFILE = 0o20200000;

let folder: string;
let m: LinuxMachine;
let devices: FsDevice[];

function mount(path: string, readOnly: boolean): void {
  const device = new FsDevice(m.physical, { folder, readOnly });
  m.machine.attach(device.mmio, mountVirtioFs(m.process, device.mmio, path, readOnly));
  devices.push(device);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-volume-"));
  m = new LinuxMachine();
  devices = [];
  mount("/v", false);
});

afterEach(() => {
  for (const device of devices) device.close();
  rmSync(folder, { recursive: true });
});

function create(path: string, contents = ""): number {
  const fd = m.must("open", path, O_RDWR | O_CREAT | O_EXCL, 0o644);
  m.put(BUFFER, contents);
  if (contents !== "") m.must("write", fd, BUFFER, contents.length);
  return fd;
}

const onHost = (name: string): string => readFileSync(join(folder, name), "latin1");

describe("on a volume", () => {
  it("names: renames that do not replace, links, regular files by mknod", () => {
    create("/v/a", "A");
    create("/v/b", "B");
    const rename = (flags: number) => m.call("renameat2", AT_FDCWD, "/v/a", AT_FDCWD, "/v/b", flags);
    expect(rename(RENAME_NOREPLACE)).toBe("EEXIST");
    expect(rename(RENAME_EXCHANGE)).toBe("EINVAL"); // Node has no renameat2(2)
    expect([onHost("a"), onHost("b")]).toEqual(["A", "B"]);
    expect(m.call("renameat2", AT_FDCWD, "/v/a", AT_FDCWD, "/v/c", RENAME_NOREPLACE)).toBe(0);
    expect(m.call("rename", "/v/c", "/tmp/c")).toBe("EXDEV");
    expect(m.call("link", "/v/c", "/v/d")).toBe(0);
    expect(statSync(join(folder, "c")).nlink).toBe(2);
    expect(m.call("mknod", "/v/made", S_IFREG | 0o640, 0)).toBe(0);
    expect(statSync(join(folder, "made")).mode & 0o7777).toBe(0o640);
    expect(m.call("mknod", "/v/fifo", S_IFIFO | 0o600, 0)).toBe("EPERM");
    expect(m.call("open", "/v", O_TMPFILE | O_RDWR, 0o600)).toBe("EOPNOTSUPP");
    expect(existsSync(join(folder, "fifo"))).toBe(false);
  });

  it("sizes: truncate, fallocate; no holes", () => {
    const fd = create("/v/a", "0123456789");
    expect(m.call("truncate", "/v/a", 4)).toBe(0);
    expect(m.call("fallocate", fd, 0, 2, 4)).toBe(0);
    expect(onHost("a")).toBe("0123\0\0");
    expect(m.call("fallocate", fd, 3, 0, 2)).toBe("EOPNOTSUPP");
    expect(m.call("lseek", fd, 0, SEEK_END)).toBe(6);
  });

  it("copies: from file to file, to a pipe and back", () => {
    const from = create("/v/a", "0123456789");
    const to = create("/v/b");
    m.must("lseek", from, 2, 0);
    expect(m.call("copy_file_range", from, 0, to, 0, 5, 0)).toBe(5);
    expect(onHost("b")).toBe("23456");
    m.must("pipe2", BUFFER, 0);
    const [readFd, writeFd] = [m.process.mem.getU32(BUFFER), m.process.mem.getU32(BUFFER + 4)];
    expect(m.call("sendfile", writeFd, from, 0, 100)).toBe(3);
    expect(m.call("splice", readFd, 0, to, 0, 100, 0)).toBe(3);
    expect(onHost("b")).toBe("23456789");
  });

  it("locks are one file's, by whatever name", () => {
    const fd = create("/v/a");
    m.must("link", "/v/a", "/v/b");
    const child = m.fork();
    const other = m.callOf(child, "open", "/v/b", O_RDWR, 0) as number;
    m.process.mem.u8.fill(0, BUFFER, BUFFER + 32);
    m.process.mem.setU16(BUFFER, F_WRLCK);
    m.must("fcntl", fd, F_SETLK, BUFFER);
    child.mem.u8.fill(0, BUFFER, BUFFER + 32);
    child.mem.setU16(BUFFER, F_RDLCK);
    expect(m.callOf(child, "fcntl", other, F_SETLK, BUFFER)).toBe("EAGAIN");
    m.must("flock", fd, LOCK_EX);
    expect(m.callOf(child, "flock", other, LOCK_EX | LOCK_NB)).toBe("EAGAIN");
    m.must("close", fd);
    expect(m.callOf(child, "fcntl", other, F_SETLK, BUFFER)).toBe(0);
    expect(m.callOf(child, "flock", other, LOCK_EX | LOCK_NB)).toBe("EAGAIN"); // the child has that description, too
    m.callOf(child, "close", fd);
    expect(m.callOf(child, "flock", other, LOCK_EX | LOCK_NB)).toBe(0);
  });

  it("a file without a name: its attributes and contents by descriptor, but no new name", () => {
    const fd = create("/v/a", "kept");
    m.must("unlink", "/v/a");
    expect(m.call("fchmod", fd, 0o600)).toBe(0);
    m.must("fstat", fd, BUFFER);
    expect([m.process.mem.getI64(BUFFER + 16), m.process.mem.getU32(BUFFER + 24) & 0o777]).toEqual([0, 0o600]);
    expect(m.call("linkat", fd, "", AT_FDCWD, "/v/b", AT_EMPTY_PATH)).toBe("ENOENT");
    expect(m.call("pread64", fd, BUFFER, 10, 0)).toBe(4);
  });

  it("owners that the host would have to change are refused, the same ones are not", () => {
    const fd = create("/v/a");
    m.must("fstat", fd, BUFFER);
    const [uid, gid] = [m.process.mem.getU32(BUFFER + 28), m.process.mem.getU32(BUFFER + 32)];
    expect(m.call("chown", "/v/a", uid, gid)).toBe(0);
    expect(m.call("chown", "/v/a", uid + 1, -1)).toBe("EPERM");
    expect(m.call("chmod", "/v/a", 0o4755)).toBe("EPERM"); // no set-user-ID programs on the host
  });

  it("read-only: EROFS, in the order of Linux", () => {
    writeFileSync(join(folder, "a"), "x");
    mount("/ro", true);
    expect(m.call("open", "/ro/a", O_WRONLY, 0)).toBe("EROFS");
    expect(m.call("open", "/ro/new", O_CREAT | O_RDONLY, 0o644)).toBe("EROFS");
    expect(m.call("open", "/ro", O_TMPFILE | O_RDWR, 0o600)).toBe("EROFS");
    expect(m.call("access", "/ro/a", 2)).toBe("EROFS");
    expect(m.call("access", "/ro/a", 4)).toBe(0);
    for (const [name, ...args] of [
      ["truncate", "/ro/a", 0],
      ["chmod", "/ro/a", 0],
      ["chown", "/ro/a", 0, 0],
      ["utime", "/ro/a", 0],
      ["unlink", "/ro/a"],
      ["mkdir", "/ro/d", 0],
      ["mknod", "/ro/n", S_IFREG, 0],
      ["symlink", "a", "/ro/s"],
      ["link", "/ro/a", "/ro/l"],
      ["rename", "/ro/a", "/ro/b"],
    ] as [string, ...(string | number)[]][])
      expect(m.call(name, ...args), name).toBe("EROFS");
    expect(m.call("mkdir", "/ro/a", 0)).toBe("EEXIST");
    expect(m.call("unlink", "/ro/none")).toBe("EROFS");
    const fd = m.must("open", "/ro/a", O_RDONLY, 0);
    expect(m.call("fchmod", fd, 0)).toBe("EROFS");
    expect(m.call("utimensat", fd, 0, 0, 0)).toBe("EROFS");
    expect(onHost("a")).toBe("x");
  });
});
