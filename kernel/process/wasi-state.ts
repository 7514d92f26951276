/**
 * What the WASI personality keeps of a process: the rights of its descriptors, which of them are preopened, and how a further thread of
 * the program is made. The open files themselves are the kernel's own (`Process.fds`).
 *
 * What always holds: a descriptor has rights here exactly while it is open. A right that is missing is never got back
 * (fd_fdstat_set_rights only takes away), and what path_open gives is a part of what the folder's inheriting rights are.
 */
import type { File } from "../fs/file.ts";
import type { GuestFunction } from "../sched/continuation.ts";
import type { WasiJs } from "../syscall/wasi/wasi-js.ts";

/**
 * standard: as wasi_snapshot_preview1 and its public tests have it. node: as node:wasi does otherwise, for programs that have been
 * written against it: directories are listed without "." and "..", path_readlink counts a NUL that it appends, and a relative link means what
 * it says as seen from the directory that the walk began in.
 */
export type WasiDialect = "standard" | "node";

export interface Preopen {
  readonly type: "directory" | "socket";
  /** The name by which the program knows a directory, a byte string; empty for a socket. */
  readonly name: string;
}

export class WasiState {
  /** The package whose calls some are. */
  readonly js: WasiJs;
  /** By descriptor: what may be done with it; undefined where none is open. */
  readonly base: (number | undefined)[] = [];
  /** By descriptor: what may be done with what is opened through it. */
  readonly inheriting: number[] = [];
  readonly preopens = new Map<number, Preopen>();
  /** Of files: the flags DSYNC, RSYNC and SYNC of the standard as they were opened with. */
  readonly syncFlags = new WeakMap<File, number>();
  /** Has to be done with each instance of the program before anything of it runs. */
  prepare: (exports: WebAssembly.Exports) => void = () => {};
  /** `wasi_thread_start` of a new instance of the program, or null if it has none. */
  newThread: () => GuestFunction | null = () => null;

  readonly dialect: WasiDialect;

  constructor(js: WasiJs, dialect: WasiDialect) {
    this.js = js;
    this.dialect = dialect;
  }

  grant(fd: number, base: number, inheriting: number): void {
    this.base[fd] = base;
    this.inheriting[fd] = inheriting;
  }

  /** The descriptor has been closed. */
  revoke(fd: number): void {
    this.base[fd] = undefined;
    this.preopens.delete(fd);
  }

  /** What was `from` is `to` now. */
  move(from: number, to: number): void {
    this.grant(to, this.base[from] ?? 0, this.inheriting[from] ?? 0);
    this.preopens.delete(to);
    const preopen = this.preopens.get(from);
    if (preopen) this.preopens.set(to, preopen);
    this.revoke(from);
  }
}
