/**
 * What a guest would do, for file-system tests: system calls with paths and buffers laid out in guest memory. Every method answers what the
 * call answers; `text`-like conveniences throw on errors.
 */
import { errnoName } from "../../../kernel/abi/errno.ts";
import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY } from "../../../kernel/abi/fcntl.ts";
import { DIRENT_HEADER_BYTES } from "../../../kernel/abi/stat.ts";
import { toByteString, toBytes, toText, writeBytes } from "../../../kernel/fs/byte-string.ts";
import type { FileSystem } from "../../../kernel/fs/inode.ts";
import { RamFs } from "../../../kernel/fs/ramfs.ts";
import { Vfs } from "../../../kernel/fs/vfs.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { FsContext } from "../../../kernel/process/fs-context.ts";
import * as directory from "../../../kernel/syscall/directory.ts";
import * as file from "../../../kernel/syscall/file.ts";
import { TestKernel } from "../fixture.ts";

const PATH = 1024;
const PATH_2 = 8192;
const BUFFER = 32768;
const BUFFER_BYTES = 131072;

/** A kernel with a root ramfs of at most `bytesMax` bytes. */
export function kernelWithVfs(bytesMax = 64 * 1024 * 1024): TestKernel {
  const kernel = new TestKernel();
  const vfs = new Vfs(new RamFs(kernel, bytesMax));
  Object.defineProperty(kernel, "vfs", { value: vfs });
  kernel.fs = new FsContext(vfs.root);
  return kernel;
}

export function mountAt(kernel: Kernel, fs: FileSystem, path: string): void {
  if (kernel.vfs.mkdirs(kernel, path) !== 0 || kernel.vfs.mount(kernel, fs, path) !== 0)
    throw new Error(`mount ${path}`);
}

export interface StatResult {
  readonly dev: number;
  readonly ino: number;
  readonly nlink: number;
  readonly mode: number;
  readonly size: number;
  readonly blocks: number;
  readonly atimeSec: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
}

export class Guest {
  readonly kernel: TestKernel;

  constructor(kernel: TestKernel) {
    this.kernel = kernel;
  }

  open(path: string, flags = O_RDONLY, mode = 0o644, dirfd = AT_FDCWD): number {
    return file.sys_openat(this.kernel, dirfd, PATH, this.#path(path), flags, mode);
  }

  close(fd: number): number {
    return file.sys_close(this.kernel, fd);
  }

  read(fd: number, count: number): string | number {
    const result = file.sys_read(this.kernel, fd, BUFFER, count);
    return result < 0 ? result : this.#taken(result);
  }

  pread(fd: number, count: number, offset: number): string | number {
    const result = file.sys_pread(this.kernel, fd, BUFFER, count, offset);
    return result < 0 ? result : this.#taken(result);
  }

  write(fd: number, text: string): number {
    return file.sys_write(this.kernel, fd, BUFFER, this.#given(text));
  }

  pwrite(fd: number, text: string, offset: number): number {
    return file.sys_pwrite(this.kernel, fd, BUFFER, this.#given(text), offset);
  }

  lseek(fd: number, offset: number, whence: number): number {
    return file.sys_lseek(this.kernel, fd, offset, whence);
  }

  ftruncate(fd: number, length: number): number {
    return file.sys_ftruncate(this.kernel, fd, length);
  }

  fsync(fd: number): number {
    return file.sys_fsync(this.kernel, fd);
  }

  mkdir(path: string, mode = 0o755): number {
    return directory.sys_mkdirat(this.kernel, AT_FDCWD, PATH, this.#path(path), mode);
  }

  unlink(path: string): number {
    return directory.sys_unlinkat(this.kernel, AT_FDCWD, PATH, this.#path(path), 0);
  }

  rmdir(path: string): number {
    return directory.sys_unlinkat(this.kernel, AT_FDCWD, PATH, this.#path(path), 0x200);
  }

  rename(from: string, to: string): number {
    const length = this.#path(from);
    return directory.sys_renameat(this.kernel, AT_FDCWD, PATH, length, AT_FDCWD, PATH_2, this.#path(to, PATH_2));
  }

  link(from: string, to: string, flags = 0): number {
    const length = this.#path(from);
    return directory.sys_linkat(this.kernel, AT_FDCWD, PATH, length, AT_FDCWD, PATH_2, this.#path(to, PATH_2), flags);
  }

  symlink(target: string, path: string): number {
    const length = this.#path(target);
    return directory.sys_symlinkat(this.kernel, PATH, length, AT_FDCWD, PATH_2, this.#path(path, PATH_2));
  }

  readlink(path: string): string | number {
    const result = directory.sys_readlinkat(this.kernel, AT_FDCWD, PATH, this.#path(path), BUFFER, 4096);
    return result < 0 ? result : this.#taken(result);
  }

  chmod(path: string, mode: number): number {
    return directory.sys_fchmodat(this.kernel, AT_FDCWD, PATH, this.#path(path), mode);
  }

  access(path: string, mode: number): number {
    return directory.sys_faccessat(this.kernel, AT_FDCWD, PATH, this.#path(path), mode, 0);
  }

  utimens(path: string, atimeSec: number, mtimeSec: number, mtimeNsec = 0, flags = 0): number {
    const { mem } = this.kernel;
    mem.setI64(BUFFER, atimeSec);
    mem.setI64(BUFFER + 8, 0);
    mem.setI64(BUFFER + 16, mtimeSec);
    mem.setI64(BUFFER + 24, mtimeNsec);
    return directory.sys_utimensat(this.kernel, AT_FDCWD, PATH, this.#path(path), BUFFER, flags);
  }

  chdir(path: string): number {
    return directory.sys_chdir(this.kernel, PATH, this.#path(path));
  }

  getcwd(): string | number {
    const result = directory.sys_getcwd(this.kernel, BUFFER, 4096);
    return result < 0 ? result : this.#taken(result);
  }

  stat(path: string, follow = true): StatResult | number {
    const flags = follow ? 0 : 0x100;
    const result = directory.sys_fstatat(this.kernel, AT_FDCWD, PATH, this.#path(path), BUFFER, flags);
    return result < 0 ? result : this.#stat();
  }

  fstat(fd: number): StatResult | number {
    const result = file.sys_fstat(this.kernel, fd, BUFFER);
    return result < 0 ? result : this.#stat();
  }

  /** One getdents64 with room for `count` bytes: the names, or a negated errno. */
  getdents(fd: number, count = 4096): string[] | number {
    const length = directory.sys_getdents64(this.kernel, fd, BUFFER, count);
    if (length < 0) return length;
    const { mem } = this.kernel;
    const names: string[] = [];
    for (let at = BUFFER; at < BUFFER + length; at += mem.getU16(at + 16)) {
      const end = mem.u8.indexOf(0, at + DIRENT_HEADER_BYTES);
      names.push(mem.text(at + DIRENT_HEADER_BYTES, end - at - DIRENT_HEADER_BYTES));
    }
    return names;
  }

  /** Every name in a directory but "." and "..", sorted. */
  list(path: string, count = 4096): string[] {
    const fd = must(this.open(path, O_RDONLY | O_DIRECTORY));
    const names: string[] = [];
    for (;;) {
      const some = this.getdents(fd, count);
      if (typeof some === "number") throw new Error(errnoName(some));
      if (some.length === 0) break;
      names.push(...some);
    }
    must(this.close(fd));
    return names.filter((name) => name !== "." && name !== "..").sort();
  }

  put(path: string, text: string): void {
    const fd = must(this.open(path, O_WRONLY | O_CREAT | O_TRUNC));
    if (this.write(fd, text) !== toBytes(toByteString(text)).length) throw new Error("short write");
    must(this.close(fd));
  }

  get(path: string): string {
    const fd = must(this.open(path));
    const text = this.read(fd, 65536);
    must(this.close(fd));
    if (typeof text === "number") throw new Error(errnoName(text));
    return text;
  }

  /** Writes a path into guest memory; its length. */
  #path(path: string, at = PATH): number {
    return writeBytes(this.kernel.mem.u8, at, toByteString(path));
  }

  #given(text: string): number {
    const bytes = toByteString(text);
    if (bytes.length > BUFFER_BYTES) throw new Error("too long for the test's buffer");
    return writeBytes(this.kernel.mem.u8, BUFFER, bytes);
  }

  #taken(length: number): string {
    return toText(String.fromCharCode(...this.kernel.mem.u8.subarray(BUFFER, BUFFER + length)));
  }

  #stat(): StatResult {
    const { mem } = this.kernel;
    return {
      dev: mem.getI64(BUFFER),
      ino: mem.getI64(BUFFER + 8),
      nlink: mem.getI64(BUFFER + 16),
      mode: mem.getU32(BUFFER + 24),
      size: mem.getI64(BUFFER + 48),
      blocks: mem.getI64(BUFFER + 64),
      atimeSec: mem.getI64(BUFFER + 72),
      mtimeSec: mem.getI64(BUFFER + 88),
      mtimeNsec: mem.getI64(BUFFER + 96),
    };
  }
}

export function must(result: number): number {
  if (result < 0) throw new Error(errnoName(result));
  return result;
}

/** "ENOENT" for -2, else the result as text: readable expectations. */
export function said(result: unknown): unknown {
  return typeof result === "number" && result < 0 ? errnoName(result) : result;
}
