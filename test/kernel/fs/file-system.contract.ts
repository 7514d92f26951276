/**
 * What every writable file system of the kernel has to do, seen through the system calls: run by ramfs and by virtio-fs. Each claim is Linux'
 * (the man page named), none depends on how the file system works.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../kernel/abi/fcntl.ts";
import { sys_fcntl } from "../../../kernel/syscall/descriptor.ts";
import { type Guest, must, type StatResult, said } from "./guest.ts";

export interface Subject {
  readonly guest: Guest;
  /** An empty directory of the file system. */
  readonly root: string;
  close(): void;
}

export function describeFileSystem(name: string, make: () => Subject): void {
  describe(`${name}: file system contract`, () => {
    let subject: Subject;
    let g: Guest;
    let at: (path: string) => string;
    beforeEach(() => {
      subject = make();
      g = subject.guest;
      at = (path) => `${subject.root}/${path}`;
    });
    afterEach(() => subject.close());
    const statOf = (path: string, follow = true): StatResult => {
      const stat = g.stat(path, follow);
      if (typeof stat === "number") throw new Error(`stat ${path}: ${said(stat)}`);
      return stat;
    };

    it("creates, writes, reads back, and tells the truth in stat", () => {
      g.put(at("a"), "hello");
      expect(g.get(at("a"))).toBe("hello");
      const stat = statOf(at("a"));
      expect(stat.mode & S_IFMT).toBe(S_IFREG);
      expect(stat.mode & 0o777).toBe(0o644);
      expect([stat.size, stat.nlink]).toEqual([5, 1]);
    });

    it("open(2): O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY and directories", () => {
      expect(said(g.open(at("a")))).toBe("ENOENT");
      g.put(at("a"), "hello");
      expect(said(g.open(at("a"), O_WRONLY | O_CREAT | O_EXCL))).toBe("EEXIST");
      must(g.open(at("a"), O_WRONLY | O_CREAT));
      expect(g.get(at("a"))).toBe("hello");
      must(g.open(at("a"), O_WRONLY | O_TRUNC));
      expect(statOf(at("a")).size).toBe(0);
      must(g.mkdir(at("d")));
      expect(said(g.open(at("d"), O_WRONLY))).toBe("EISDIR");
      expect(said(g.open(at("d"), O_RDONLY | O_CREAT))).toBe("EISDIR");
      expect(said(g.open(at("new/"), O_WRONLY | O_CREAT))).toBe("EISDIR");
      expect(said(g.open(at("a"), O_DIRECTORY))).toBe("ENOTDIR");
      expect(said(g.open(at("a/"), O_RDONLY))).toBe("ENOTDIR");
      expect(said(g.open(at("a/b"), O_RDONLY))).toBe("ENOTDIR");
      expect(said(g.open(at("none/b"), O_WRONLY | O_CREAT))).toBe("ENOENT");
      expect(said(g.open(at("n".repeat(256)), O_WRONLY | O_CREAT))).toBe("ENAMETOOLONG");
      must(g.open(at("n".repeat(255)), O_WRONLY | O_CREAT));
    });

    it("the access mode holds: EBADF", () => {
      g.put(at("a"), "x");
      const reader = must(g.open(at("a"), O_RDONLY));
      const writer = must(g.open(at("a"), O_WRONLY));
      expect(said(g.write(reader, "y"))).toBe("EBADF");
      expect(said(g.read(writer, 1))).toBe("EBADF");
      expect(said(g.ftruncate(reader, 0))).toBe("EINVAL");
    });

    it("offsets: lseek(2), pread(2), pwrite(2), shared by dup", () => {
      const fd = must(g.open(at("a"), O_RDWR | O_CREAT));
      expect(g.write(fd, "0123456789")).toBe(10);
      expect(g.lseek(fd, 2, 0)).toBe(2);
      expect(g.read(fd, 3)).toBe("234");
      expect(g.pread(fd, 4, 6)).toBe("6789");
      expect(g.pread(fd, 4, 10)).toBe("");
      expect(g.pwrite(fd, "AB", 1)).toBe(2);
      expect(g.lseek(fd, 0, 1)).toBe(5);
      expect(g.lseek(fd, -1, 2)).toBe(9);
      expect(g.read(fd, 10)).toBe("9");
      expect(g.read(fd, 10)).toBe("");
      expect(said(g.lseek(fd, -1, 0))).toBe("EINVAL");
      expect(said(g.lseek(fd, 0, 9))).toBe("EINVAL");
      expect(g.lseek(fd, 100, 0)).toBe(100);
      expect(g.pread(fd, 10, 0)).toBe("0AB3456789");
    });

    it("holes read as zeroes; ftruncate(2) cuts and extends", () => {
      const fd = must(g.open(at("a"), O_RDWR | O_CREAT));
      expect(g.pwrite(fd, "end", 200_000)).toBe(3);
      expect(statOf(at("a")).size).toBe(200_003);
      expect(g.pread(fd, 4, 100_000)).toBe("\0\0\0\0");
      expect(g.pread(fd, 5, 199_998)).toBe("\0\0end");
      expect(g.ftruncate(fd, 4)).toBe(0);
      expect(g.ftruncate(fd, 300_000)).toBe(0);
      expect(g.pread(fd, 3, 200_000)).toBe("\0\0\0");
      expect(said(g.ftruncate(fd, -1))).toBe("EINVAL");
    });

    it("O_APPEND appends, also what pwrite writes (pwrite(2), BUGS), and F_SETFL switches it", () => {
      g.put(at("a"), "one");
      const fd = must(g.open(at("a"), O_RDWR | O_APPEND));
      const other = must(g.open(at("a"), O_WRONLY | O_APPEND));
      expect(g.write(fd, " two")).toBe(4);
      expect(g.write(other, " three")).toBe(6);
      expect(g.write(fd, " four")).toBe(5);
      expect(g.get(at("a"))).toBe("one two three four");
      expect(g.lseek(fd, 0, 1)).toBe(18);
      expect(g.pwrite(fd, "!", 0)).toBe(1);
      expect(g.get(at("a"))).toBe("one two three four!");
      sys_fcntl(g.kernel, fd, 4, 0);
      expect(g.pwrite(fd, "ONE", 0)).toBe(3);
      expect(g.get(at("a"))).toBe("ONE two three four!");
    });

    it("mkdir(2) and rmdir(2)", () => {
      expect(g.mkdir(at("d"), 0o700)).toBe(0);
      expect(statOf(at("d")).mode).toBe(S_IFDIR | 0o700);
      expect(said(g.mkdir(at("d")))).toBe("EEXIST");
      expect(said(g.mkdir(at("d/.")))).toBe("EEXIST");
      expect(g.mkdir(at("slash/"))).toBe(0);
      expect(said(g.mkdir(at("none/d")))).toBe("ENOENT");
      g.put(at("d/f"), "");
      expect(said(g.mkdir(at("d/f/x")))).toBe("ENOTDIR");
      expect(said(g.rmdir(at("d")))).toBe("ENOTEMPTY");
      expect(said(g.rmdir(at("d/f")))).toBe("ENOTDIR");
      expect(said(g.rmdir(at("d/.")))).toBe("EINVAL");
      expect(said(g.rmdir(at("d/..")))).toBe("ENOTEMPTY");
      expect(said(g.rmdir(at("none")))).toBe("ENOENT");
      expect(g.unlink(at("d/f"))).toBe(0);
      expect(g.rmdir(at("d"))).toBe(0);
      expect(said(g.stat(at("d")))).toBe("ENOENT");
    });

    it("unlink(2): directories, slashes, and a file that is open lives on", () => {
      must(g.mkdir(at("d")));
      expect(said(g.unlink(at("d")))).toBe("EISDIR");
      expect(said(g.unlink(at("none")))).toBe("ENOENT");
      g.put(at("a"), "kept");
      expect(said(g.unlink(at("a/")))).toBe("ENOTDIR");
      const fd = must(g.open(at("a"), O_RDWR));
      expect(g.unlink(at("a"))).toBe(0);
      expect(said(g.open(at("a")))).toBe("ENOENT");
      expect(g.read(fd, 10)).toBe("kept");
      expect(g.write(fd, "!")).toBe(1);
      const stat = g.fstat(fd) as StatResult;
      expect([stat.nlink, stat.size]).toEqual([0, 5]);
      expect(g.close(fd)).toBe(0);
    });

    it("link(2): two names, one file", () => {
      g.put(at("a"), "x");
      must(g.mkdir(at("d")));
      expect(g.link(at("a"), at("d/b"))).toBe(0);
      expect(statOf(at("a")).nlink).toBe(2);
      expect(statOf(at("a")).ino).toBe(statOf(at("d/b")).ino);
      g.put(at("d/b"), "changed");
      expect(g.get(at("a"))).toBe("changed");
      expect(said(g.link(at("a"), at("d/b")))).toBe("EEXIST");
      expect(said(g.link(at("d"), at("d2")))).toBe("EPERM");
      expect(said(g.link(at("none"), at("c")))).toBe("ENOENT");
      expect(g.unlink(at("a"))).toBe(0);
      expect(statOf(at("d/b")).nlink).toBe(1);
    });

    it("symlink(2), readlink(2): links are followed inside the guest, loops end in ELOOP", () => {
      g.put(at("a"), "target");
      must(g.mkdir(at("d")));
      expect(g.symlink("a", at("l"))).toBe(0);
      expect(g.symlink("../a", at("d/up"))).toBe(0);
      expect(g.symlink(at("a"), at("absolute"))).toBe(0);
      expect(g.readlink(at("l"))).toBe("a");
      for (const path of ["l", "d/up", "absolute"]) expect(g.get(at(path))).toBe("target");
      expect(statOf(at("l"), false).mode & S_IFMT).toBe(S_IFLNK);
      expect(statOf(at("l"), false).size).toBe(1);
      expect(said(g.open(at("l"), O_NOFOLLOW))).toBe("ELOOP");
      expect(said(g.readlink(at("a")))).toBe("EINVAL");
      expect(said(g.symlink("x", at("l")))).toBe("EEXIST");
      must(g.symlink("loop2", at("loop1")));
      must(g.symlink("loop1", at("loop2")));
      expect(said(g.open(at("loop1")))).toBe("ELOOP");
      must(g.symlink("made", at("dangling")));
      expect(said(g.open(at("dangling")))).toBe("ENOENT");
      expect(said(g.open(at("dangling"), O_WRONLY | O_CREAT | O_EXCL))).toBe("EEXIST");
      must(g.open(at("dangling"), O_WRONLY | O_CREAT));
      expect(statOf(at("made")).size).toBe(0);
      must(g.symlink("d", at("dl")));
      expect(statOf(at("dl/"), false).mode & S_IFMT).toBe(S_IFDIR);
      expect(g.unlink(at("l"))).toBe(0);
      expect(g.get(at("a"))).toBe("target");
    });

    it("rename(2): over files and directories, across directories", () => {
      g.put(at("a"), "A");
      g.put(at("b"), "B");
      must(g.mkdir(at("d")));
      must(g.mkdir(at("e")));
      expect(g.rename(at("a"), at("b"))).toBe(0);
      expect(g.get(at("b"))).toBe("A");
      expect(said(g.open(at("a")))).toBe("ENOENT");
      expect(g.rename(at("b"), at("d/b"))).toBe(0);
      expect(g.get(at("d/b"))).toBe("A");
      expect(said(g.rename(at("d/b"), at("e")))).toBe("EISDIR");
      expect(said(g.rename(at("e"), at("d/b")))).toBe("ENOTDIR");
      expect(said(g.rename(at("e"), at("d")))).toBe("ENOTEMPTY");
      expect(said(g.rename(at("none"), at("x")))).toBe("ENOENT");
      expect(said(g.rename(at("d/b"), at("x/")))).toBe("ENOTDIR");
      expect(said(g.rename(at("d/."), at("x")))).toBe("EBUSY");
      expect(g.rename(at("d"), at("e"))).toBe(0);
      expect(g.get(at("e/b"))).toBe("A");
      expect(g.rename(at("e/b"), at("e/b"))).toBe(0);
      must(g.link(at("e/b"), at("e/c")));
      expect(g.rename(at("e/b"), at("e/c"))).toBe(0); // the same file: nothing happens
      expect(g.list(at("e"))).toEqual(["b", "c"]);
    });

    it("rename(2): not into itself, and what is open stays open", () => {
      must(g.mkdir(at("d")));
      must(g.mkdir(at("d/e")));
      expect(said(g.rename(at("d"), at("d/e/f")))).toBe("EINVAL");
      expect(said(g.rename(at("d"), at("d/f")))).toBe("EINVAL");
      expect(said(g.rename(at("d/e"), at("d")))).toBe("ENOTEMPTY");
      g.put(at("old"), "old");
      g.put(at("new"), "new");
      const fd = must(g.open(at("old")));
      must(g.rename(at("new"), at("old")));
      expect(g.read(fd, 9)).toBe("old");
      expect(g.get(at("old"))).toBe("new");
    });

    it("link counts of directories count their subdirectories", () => {
      must(g.mkdir(at("d")));
      const before = statOf(at("d")).nlink;
      if (before === 1) return; // btrfs and others do not count
      must(g.mkdir(at("d/e")));
      must(g.mkdir(at("f")));
      expect(statOf(at("d")).nlink).toBe(before + 1);
      must(g.rename(at("d/e"), at("f/e")));
      expect([statOf(at("d")).nlink, statOf(at("f")).nlink]).toEqual([before, before + 1]);
      must(g.rmdir(at("f/e")));
      expect(statOf(at("f")).nlink).toBe(before);
    });

    it("getdents64(2): every entry once, whatever the buffer; rewinding reads anew", () => {
      const names = Array.from({ length: 300 }, (_, i) => `file-${i}`).sort();
      for (const name of names) g.put(at(name), "");
      expect(g.list(subject.root)).toEqual(names);
      expect(g.list(subject.root, 64)).toEqual(names);
      const fd = must(g.open(subject.root, O_DIRECTORY));
      expect(said(g.getdents(fd, 10))).toBe("EINVAL");
      expect(g.getdents(fd, 4096)).toContain("..");
      g.put(at("later"), "");
      expect(g.lseek(fd, 0, 0)).toBe(0);
      const again: string[] = [];
      for (let some = g.getdents(fd); typeof some !== "number" && some.length > 0; some = g.getdents(fd))
        again.push(...some);
      expect(again).toContain("later");
      expect(said(g.read(fd, 1))).toBe("EISDIR");
      const file = must(g.open(at("later")));
      expect(said(g.getdents(file))).toBe("ENOTDIR");
    });

    it("chdir(2), getcwd(2), relative paths, and a removed working directory", () => {
      must(g.mkdir(at("d")));
      must(g.mkdir(at("d/e")));
      g.put(at("d/f"), "F");
      expect(g.chdir(at("d/e"))).toBe(0);
      expect(g.getcwd()).toBe(at("d/e"));
      expect(g.get("../f")).toBe("F");
      expect(said(g.chdir("../f"))).toBe("ENOTDIR");
      must(g.rename(at("d"), at("moved")));
      expect(g.getcwd()).toBe(at("moved/e"));
      must(g.rmdir(at("moved/e")));
      expect(said(g.getcwd())).toBe("ENOENT");
      expect(said(g.open("x", O_WRONLY | O_CREAT))).toBe("ENOENT");
      expect(g.chdir("/")).toBe(0);
    });

    it("openat(2) and dirfd", () => {
      must(g.mkdir(at("d")));
      const dir = must(g.open(at("d"), O_DIRECTORY));
      const fd = must(g.open("inside", O_WRONLY | O_CREAT, 0o600, dir));
      expect(said(g.open("x", O_RDONLY, 0, fd))).toBe("ENOTDIR");
      expect(said(g.open("x", O_RDONLY, 0, 999))).toBe("EBADF");
      expect(g.list(at("d"))).toEqual(["inside"]);
      expect(statOf(at("d/inside")).mode & 0o777).toBe(0o600);
    });

    it("chmod(2), access(2), utimensat(2)", () => {
      g.put(at("a"), "");
      expect(g.chmod(at("a"), 0o640)).toBe(0);
      expect(statOf(at("a")).mode & 0o7777).toBe(0o640);
      expect(said(g.access(at("a"), 1))).toBe("EACCES");
      must(g.chmod(at("a"), 0o750));
      expect(g.access(at("a"), 7)).toBe(0);
      expect(said(g.access(at("none"), 0))).toBe("ENOENT");
      expect(g.utimens(at("a"), 1_000_000, 1_234_567_890, 500_000_000)).toBe(0);
      const stat = statOf(at("a"));
      expect([stat.atimeSec, stat.mtimeSec, stat.mtimeNsec]).toEqual([1_000_000, 1_234_567_890, 500_000_000]);
      // To the nanosecond, until somebody else sets it.
      expect(g.utimens(at("a"), 1_000_000, 1_777_777_777, 123_456_789)).toBe(0);
      expect(statOf(at("a")).mtimeNsec).toBe(123_456_789);
      expect(g.utimens(at("a"), 1_000_000, 1_234_567_890, 500_000_000)).toBe(0);
      expect(statOf(at("a")).mtimeNsec).toBe(500_000_000);
      expect(said(g.utimens(at("a"), 0, 0, 1e9))).toBe("EINVAL");
      must(g.symlink("a", at("l")));
      expect(g.utimens(at("l"), 5, 6, 0, 0x100)).toBe(0);
      expect(statOf(at("l"), false).mtimeSec).toBe(6);
      expect(statOf(at("a")).mtimeSec).toBe(1_234_567_890);
    });

    it("names are bytes: UTF-8 and what is none", () => {
      g.put(at("grün–日本"), "x");
      expect(g.list(subject.root)).toEqual(["grün–日本"]);
      expect(g.get(at("grün–日本"))).toBe("x");
      for (const name of ["with space", "new\nline", "back\\slash", "-", "...", "*?"]) {
        g.put(at(name), name);
        expect(g.get(at(name))).toBe(name);
      }
    });

    it("a file across many blocks survives odd writes", () => {
      const fd = must(g.open(at("a"), O_RDWR | O_CREAT));
      let expected = "";
      for (let i = 0; expected.length < 150_000; i++) {
        const piece = String.fromCharCode(97 + (i % 26)).repeat((i * 997) % 9001);
        expect(g.write(fd, piece)).toBe(piece.length);
        expected += piece;
      }
      let got = "";
      must(g.lseek(fd, 0, 0));
      for (let some = g.read(fd, 7777); some !== ""; some = g.read(fd, 7777)) got += some;
      expect(got).toBe(expected);
    });
  });
}
