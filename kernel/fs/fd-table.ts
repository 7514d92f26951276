/**
 * The descriptor table: small numbers to open file descriptions. The lowest free number is used (POSIX), dup shares the
 * description, the last close closes it.
 */
import { EBADF, EINVAL, EMFILE } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { File } from "./file.ts";
import type { FileLocks } from "./file-locks.ts";

/** RLIMIT_NOFILE, at most. */
export const FD_MAX = 65536;

/** One reference less to an open file description: a descriptor, a mapping, a message on its way. The last one closes it. */
export function releaseFile(kernel: Kernel, file: File): void {
  if (--file.refs > 0) return;
  kernel.fds.locks?.released(file);
  file.close(kernel);
}

export class FdTable {
  /** RLIMIT_NOFILE of the process. */
  limits: { readonly openFilesMax: number } = { openFilesMax: FD_MAX };
  /** Who is told of every descriptor that is closed; null where nobody locks files. */
  locks: FileLocks | null = null;
  readonly #files: (File | null)[] = [];
  readonly #cloexec = new Set<number>();
  /** No descriptor below this is free. */
  #lowest = 0;
  #count = 0;

  /** Open descriptors. */
  get count(): number {
    return this.#count;
  }

  get(fd: number): File | null {
    return this.#files[fd] ?? null;
  }

  /** True if there is room for one more. */
  get hasRoom(): boolean {
    while (this.#files[this.#lowest]) this.#lowest++;
    return this.#lowest < this.limits.openFilesMax;
  }

  /** Takes the lowest free descriptor not below `from`; -EMFILE if there is none. */
  open(file: File, cloexec = false, from = 0): number {
    let fd = Math.max(this.#lowest, from);
    while (fd < this.#files.length && this.#files[fd]) fd++;
    if (fd >= this.limits.openFilesMax) return -EMFILE;
    this.#install(fd, file, cloexec);
    if (from <= this.#lowest) this.#lowest = fd + 1;
    return fd;
  }

  close(kernel: Kernel, fd: number): number {
    const file = this.#files[fd];
    if (!file) return -EBADF;
    this.#files[fd] = null;
    this.#cloexec.delete(fd);
    this.#count--;
    if (fd < this.#lowest) this.#lowest = fd;
    this.locks?.closed(this, file);
    releaseFile(kernel, file);
    return 0;
  }

  dup(fd: number, from = 0, cloexec = false): number {
    const file = this.#files[fd];
    if (!file) return -EBADF;
    if (from < 0 || from >= this.limits.openFilesMax) return -EINVAL;
    return this.open(file, cloexec, from);
  }

  /** dup3(2): `newfd` is closed first if it is open. */
  dup3(kernel: Kernel, fd: number, newfd: number, cloexec: boolean): number {
    const file = this.#files[fd];
    if (!file) return -EBADF;
    if (fd === newfd) return -EINVAL;
    if (newfd < 0 || newfd >= this.limits.openFilesMax) return -EBADF;
    if (this.#files[newfd]) {
      file.refs++; // the old description may be the same one: it must not close in between
      this.close(kernel, newfd);
      file.refs--;
    }
    this.dupInto(newfd, file, cloexec);
    return newfd;
  }

  isCloexec(fd: number): boolean {
    return this.#cloexec.has(fd);
  }

  setCloexec(fd: number, on: boolean): void {
    if (on) this.#cloexec.add(fd);
    else this.#cloexec.delete(fd);
  }

  /** Every open descriptor, lowest first. */
  *entries(): IterableIterator<[fd: number, file: File]> {
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file) yield [fd, file];
    }
  }

  /** fork(2): the same descriptors, of the same open file descriptions. */
  clone(): FdTable {
    const copy = new FdTable();
    for (const [fd, file] of this.entries()) copy.dupInto(fd, file, this.#cloexec.has(fd));
    return copy;
  }

  /** execve(2): what is marked close-on-exec goes. */
  closeOnExec(kernel: Kernel): void {
    for (const fd of [...this.#cloexec]) this.close(kernel, fd);
  }

  /** Makes `fd`, which is free, a descriptor of `file`. */
  dupInto(fd: number, file: File, cloexec: boolean): void {
    while (this.#files.length < fd) this.#files.push(null);
    this.#install(fd, file, cloexec);
  }

  closeAll(kernel: Kernel): void {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#files[fd]) this.close(kernel, fd);
  }

  #install(fd: number, file: File, cloexec: boolean): void {
    this.#files[fd] = file;
    file.refs++;
    this.#count++;
    if (cloexec) this.#cloexec.add(fd);
    else this.#cloexec.delete(fd);
  }
}
