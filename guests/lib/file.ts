/**
 * Files and folders. A call parks the calling thread while a device works; in a callback, files on memory file systems and
 * host folders answer at once where the kernel can, and -EDEADLK where it cannot: use `readAt` and `writeAt` of ring.ts there.
 *
 * A method that yields a number answers a negated errno when it fails; one that yields an object answers a `Result`.
 */
import * as calls from "./calls";
import { EIO, EINVAL, Result } from "./errno";
import { writeFully } from "./process";
import { sys_dup, sys_fcntl, sys_getcwd, sys_ioctl, sys_pipe2 } from "./sys";

export const O_RDONLY: i32 = 0;
export const O_WRONLY: i32 = 1;
export const O_RDWR: i32 = 2;
export const O_CREAT: i32 = 0o100;
export const O_EXCL: i32 = 0o200;
export const O_TRUNC: i32 = 0o1000;
export const O_APPEND: i32 = 0o2000;
export const O_NONBLOCK: i32 = 0o4000;
export const O_DIRECTORY: i32 = 0o200000;
export const O_NOFOLLOW: i32 = 0o400000;
export const O_CLOEXEC: i32 = 0o2000000;
export const O_SYNC: i32 = 0o4010000;

export const SEEK_SET: i32 = 0;
export const SEEK_CUR: i32 = 1;
export const SEEK_END: i32 = 2;

const AT_FDCWD: i32 = -100;
const AT_SYMLINK_NOFOLLOW: i32 = 0x100;
const AT_REMOVEDIR: i32 = 0x200;

const S_IFMT: u32 = 0o170000;
const S_IFREG: u32 = 0o100000;
const S_IFDIR: u32 = 0o040000;
const S_IFLNK: u32 = 0o120000;
const S_IFCHR: u32 = 0o020000;
const S_IFIFO: u32 = 0o010000;
const S_IFSOCK: u32 = 0o140000;

/** A path as the kernel takes it: UTF-8, with its length. */
function encode(path: string): ArrayBuffer {
  return String.UTF8.encode(path);
}

/** Anything with a descriptor that bytes can be read from and written to: files, pipes, sockets. */
export class Descriptor {
  constructor(
    /** -1 once closed. */
    public fd: i32,
  ) {}

  /** Reads at most `length` bytes into `buffer` from `offset` on: the number of bytes, 0 at the end, or a negated errno. */
  read(buffer: Uint8Array, offset: i32 = 0, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length - offset;
    if (offset < 0 || length < 0 || offset + length > buffer.length) return -EINVAL;
    return calls.read(this.fd, buffer.dataStart + offset, length);
  }

  /** Reads until `length` bytes are there or the end is reached: the number of bytes, or a negated errno. */
  readFully(buffer: Uint8Array, offset: i32 = 0, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length - offset;
    let done = 0;
    while (done < length) {
      const n = this.read(buffer, offset + done, length - done);
      if (n < 0) return n;
      if (n == 0) break;
      done += n;
    }
    return done;
  }

  /** Writes at most `length` bytes: how many were taken, or a negated errno. */
  write(buffer: Uint8Array, offset: i32 = 0, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length - offset;
    if (offset < 0 || length < 0 || offset + length > buffer.length) return -EINVAL;
    return calls.write(this.fd, buffer.dataStart + offset, length);
  }

  /** Writes all of it, however often that takes: 0 or a negated errno. */
  writeAll(buffer: Uint8Array, offset: i32 = 0, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length - offset;
    if (offset < 0 || length < 0 || offset + length > buffer.length) return -EINVAL;
    return writeFully(this.fd, buffer.dataStart + offset, length);
  }

  /** Writes a text as UTF-8, all of it: 0 or a negated errno. */
  writeText(text: string): i32 {
    const bytes = String.UTF8.encode(text);
    return writeFully(this.fd, changetype<usize>(bytes), bytes.byteLength);
  }

  /** 0 or a negated errno. A second close is harmless: -EBADF. */
  close(): i32 {
    const fd = this.fd;
    this.fd = -1;
    return calls.close(fd);
  }

  fcntl(command: i32, argument: i32): i32 {
    return sys_fcntl(this.fd, command, argument);
  }

  ioctl(request: i32, argument: usize): i32 {
    return sys_ioctl(this.fd, request, argument);
  }
}

/** A pipe: the end to read from and the end to write to. */
export function pipe(flags: i32 = O_CLOEXEC): Result<Descriptor[]> {
  const pair = new StaticArray<i32>(2);
  const error = sys_pipe2(changetype<usize>(pair), flags);
  if (error < 0) return Result.error<Descriptor[]>(error);
  return Result.of<Descriptor[]>([new Descriptor(pair[0]), new Descriptor(pair[1])]);
}

/** What stat(2) says. Times are milliseconds since 1970. */
export class Stat {
  readonly inode: u64;
  readonly links: u64;
  readonly mode: u32;
  readonly uid: u32;
  readonly gid: u32;
  readonly size: f64;
  readonly accessedMs: f64;
  readonly modifiedMs: f64;
  readonly changedMs: f64;

  /** `raw`: `struct stat` in the x86-64 layout. */
  constructor(raw: usize) {
    this.inode = load<u64>(raw, 8);
    this.links = load<u64>(raw, 16);
    this.mode = load<u32>(raw, 24);
    this.uid = load<u32>(raw, 28);
    this.gid = load<u32>(raw, 32);
    this.size = <f64>load<i64>(raw, 48);
    this.accessedMs = <f64>load<i64>(raw, 72) * 1e3 + <f64>load<i64>(raw, 80) / 1e6;
    this.modifiedMs = <f64>load<i64>(raw, 88) * 1e3 + <f64>load<i64>(raw, 96) / 1e6;
    this.changedMs = <f64>load<i64>(raw, 104) * 1e3 + <f64>load<i64>(raw, 112) / 1e6;
  }

  get isFile(): bool {
    return (this.mode & S_IFMT) == S_IFREG;
  }
  get isDirectory(): bool {
    return (this.mode & S_IFMT) == S_IFDIR;
  }
  get isSymlink(): bool {
    return (this.mode & S_IFMT) == S_IFLNK;
  }
  get isDevice(): bool {
    return (this.mode & S_IFMT) == S_IFCHR;
  }
  get isPipe(): bool {
    return (this.mode & S_IFMT) == S_IFIFO;
  }
  get isSocket(): bool {
    return (this.mode & S_IFMT) == S_IFSOCK;
  }
}

const STAT_SIZE: i32 = 144;

export class File extends Descriptor {
  /** open(2). `mode` is for a file that O_CREAT makes. */
  static open(path: string, flags: i32 = O_RDONLY, mode: i32 = 0o666): Result<File> {
    const name = encode(path);
    const fd = calls.openat(AT_FDCWD, changetype<usize>(name), name.byteLength, flags | O_CLOEXEC, mode);
    if (fd < 0) return Result.error<File>(fd);
    return Result.of<File>(new File(fd));
  }

  /** Reads at a position, leaving the file's own offset alone: bytes read, 0 at the end, or a negated errno. */
  pread(buffer: Uint8Array, position: f64, offset: i32 = 0, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length - offset;
    if (offset < 0 || length < 0 || offset + length > buffer.length) return -EINVAL;
    return calls.pread(this.fd, buffer.dataStart + offset, length, position);
  }

  /** Writes at a position, leaving the file's own offset alone: bytes written or a negated errno. */
  pwrite(buffer: Uint8Array, position: f64, offset: i32 = 0, length: i32 = -1): i32 {
    if (length < 0) length = buffer.length - offset;
    if (offset < 0 || length < 0 || offset + length > buffer.length) return -EINVAL;
    return calls.pwrite(this.fd, buffer.dataStart + offset, length, position);
  }

  /** The new offset or a negated errno. */
  seek(offset: f64, whence: i32 = SEEK_SET): f64 {
    return calls.lseek(this.fd, offset, whence);
  }

  /** Bytes, or a negated errno. */
  size(): f64 {
    const stat = this.stat();
    return stat.failed ? <f64>stat.error : stat.value.size;
  }

  stat(): Result<Stat> {
    const raw = new StaticArray<u8>(STAT_SIZE);
    const error = calls.fstat(this.fd, changetype<usize>(raw));
    if (error < 0) return Result.error<Stat>(error);
    return Result.of<Stat>(new Stat(changetype<usize>(raw)));
  }

  truncate(length: f64): i32 {
    return calls.ftruncate(this.fd, length);
  }

  /** fsync(2), or fdatasync(2) with `dataOnly`. */
  sync(dataOnly: bool = false): i32 {
    return dataOnly ? calls.fdatasync(this.fd) : calls.fsync(this.fd);
  }

  duplicate(): Result<File> {
    const fd = sys_dup(this.fd);
    if (fd < 0) return Result.error<File>(fd);
    return Result.of<File>(new File(fd));
  }
}

/** The whole file. Works for files that do not know their size too (/proc, pipes). */
export function readFile(path: string): Result<Uint8Array> {
  const opened = File.open(path);
  if (opened.failed) return Result.error<Uint8Array>(opened.error);
  const file = opened.value;
  const size = file.size();
  // One byte more than the size: the read that fills it all also proves that the end is reached.
  let buffer = new Uint8Array(size > 0 && size < 0x3fff0000 ? <i32>size + 1 : 4096);
  let used = 0;
  while (true) {
    if (used == buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      memory.copy(larger.dataStart, buffer.dataStart, used);
      buffer = larger;
    }
    const n = file.read(buffer, used);
    if (n < 0) {
      file.close();
      return Result.error<Uint8Array>(n);
    }
    if (n == 0) break;
    used += n;
  }
  const closed = file.close();
  if (closed < 0) return Result.error<Uint8Array>(closed);
  return Result.of<Uint8Array>(buffer.subarray(0, used));
}

/** The whole file as text; bytes that are not UTF-8 come out as replacement characters. */
export function readTextFile(path: string): Result<string> {
  const read = readFile(path);
  if (read.failed) return Result.error<string>(read.error);
  const bytes = read.value;
  return Result.of<string>(String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length));
}

/** Makes or replaces a file: 0 or a negated errno. With O_APPEND in `flags` the data goes to the end instead. */
export function writeFile(path: string, data: Uint8Array, flags: i32 = O_TRUNC, mode: i32 = 0o666): i32 {
  const opened = File.open(path, O_WRONLY | O_CREAT | flags, mode);
  if (opened.failed) return opened.error;
  const error = opened.value.writeAll(data);
  const closed = opened.value.close();
  return error < 0 ? error : closed;
}

export function writeTextFile(path: string, text: string, flags: i32 = O_TRUNC, mode: i32 = 0o666): i32 {
  return writeFile(path, Uint8Array.wrap(String.UTF8.encode(text)), flags, mode);
}

/** `followSymlinks` false: lstat(2). */
export function stat(path: string, followSymlinks: bool = true): Result<Stat> {
  const name = encode(path);
  const raw = new StaticArray<u8>(STAT_SIZE);
  const flags = followSymlinks ? 0 : AT_SYMLINK_NOFOLLOW;
  const error = calls.fstatat(AT_FDCWD, changetype<usize>(name), name.byteLength, changetype<usize>(raw), flags);
  if (error < 0) return Result.error<Stat>(error);
  return Result.of<Stat>(new Stat(changetype<usize>(raw)));
}

export function exists(path: string): bool {
  const name = encode(path);
  return calls.faccessat(AT_FDCWD, changetype<usize>(name), name.byteLength, 0, 0) == 0;
}

export function mkdir(path: string, mode: i32 = 0o777): i32 {
  const name = encode(path);
  return calls.mkdirat(AT_FDCWD, changetype<usize>(name), name.byteLength, mode);
}

/** Removes a file. */
export function unlink(path: string): i32 {
  const name = encode(path);
  return calls.unlinkat(AT_FDCWD, changetype<usize>(name), name.byteLength, 0);
}

/** Removes an empty folder. */
export function rmdir(path: string): i32 {
  const name = encode(path);
  return calls.unlinkat(AT_FDCWD, changetype<usize>(name), name.byteLength, AT_REMOVEDIR);
}

export function rename(from: string, to: string): i32 {
  const a = encode(from);
  const b = encode(to);
  return calls.renameat(AT_FDCWD, changetype<usize>(a), a.byteLength, AT_FDCWD, changetype<usize>(b), b.byteLength);
}

/** A second name for a file (hard link). */
export function link(existing: string, path: string): i32 {
  const a = encode(existing);
  const b = encode(path);
  return calls.linkat(AT_FDCWD, changetype<usize>(a), a.byteLength, AT_FDCWD, changetype<usize>(b), b.byteLength, 0);
}

export function symlink(target: string, path: string): i32 {
  const a = encode(target);
  const b = encode(path);
  return calls.symlinkat(changetype<usize>(a), a.byteLength, AT_FDCWD, changetype<usize>(b), b.byteLength);
}

export function readlink(path: string): Result<string> {
  const name = encode(path);
  const target = new StaticArray<u8>(4096);
  const n = calls.readlinkat(AT_FDCWD, changetype<usize>(name), name.byteLength, changetype<usize>(target), 4096);
  if (n < 0) return Result.error<string>(n);
  return Result.of<string>(String.UTF8.decodeUnsafe(changetype<usize>(target), n));
}

export function chmod(path: string, mode: i32): i32 {
  const name = encode(path);
  return calls.fchmodat(AT_FDCWD, changetype<usize>(name), name.byteLength, mode);
}

export function chdir(path: string): i32 {
  const name = encode(path);
  return calls.chdir(changetype<usize>(name), name.byteLength);
}

export function currentDirectory(): Result<string> {
  const buffer = new StaticArray<u8>(4096);
  const n = sys_getcwd(changetype<usize>(buffer), 4096);
  if (n < 0) return Result.error<string>(n);
  return Result.of<string>(String.UTF8.decodeUnsafe(changetype<usize>(buffer), n));
}

/** One name of a folder. `type` is DT_* of getdents64(2); DT_UNKNOWN (0) when the file system does not say. */
export class DirectoryEntry {
  constructor(
    readonly name: string,
    readonly inode: u64,
    readonly type: u8,
  ) {}

  get isDirectory(): bool {
    return this.type == 4;
  }
  get isFile(): bool {
    return this.type == 8;
  }
  get isSymlink(): bool {
    return this.type == 10;
  }
}

/** The names of a folder without `.` and `..`, in the file system's order. */
export function readDirectory(path: string): Result<DirectoryEntry[]> {
  const opened = File.open(path, O_RDONLY | O_DIRECTORY);
  if (opened.failed) return Result.error<DirectoryEntry[]>(opened.error);
  const folder = opened.value;
  const list = new Array<DirectoryEntry>();
  const buffer = new StaticArray<u8>(8192);
  const base = changetype<usize>(buffer);
  while (true) {
    const n = calls.getdents64(folder.fd, base, 8192);
    if (n <= 0) {
      folder.close();
      return n < 0 ? Result.error<DirectoryEntry[]>(n) : Result.of<DirectoryEntry[]>(list);
    }
    let at: i32 = 0;
    while (at < n) {
      // struct linux_dirent64: u64 ino, i64 off, u16 reclen, u8 type, name with NUL.
      const record = base + at;
      const length: i32 = load<u16>(record, 16);
      if (length < 20 || at + length > n) {
        folder.close();
        return Result.error<DirectoryEntry[]>(-EIO);
      }
      const name = String.UTF8.decodeUnsafe(record + 19, length - 19, true);
      if (name != "." && name != "..") list.push(new DirectoryEntry(name, load<u64>(record), load<u8>(record, 18)));
      at += length;
    }
  }
}
