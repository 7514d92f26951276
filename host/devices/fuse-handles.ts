/**
 * The open files and directories of a FUSE server, by the number that the guest has for them. A file that libuv works on is closed only when that
 * has ended: its descriptor number must not come to mean something else meanwhile.
 */
import { closeSync } from "node:fs";
import { EBADF, ENFILE } from "../../kernel/abi/errno.ts";
import { HostTreeError, type Node } from "./host-tree.ts";

/** Open at once. */
export const HANDLES_MAX = 16384;

export interface Handle {
  readonly kind: "file" | "directory";
  /** -1 for directories. */
  readonly fd: number;
  readonly appends: boolean;
  /** Requests of it that libuv works on. */
  busy: number;
  closing: boolean;
}

export interface DirectoryHandle extends Handle {
  readonly node: Node;
  /** As they were when it was opened. */
  readonly names: readonly string[];
}

export class FuseHandles {
  readonly #handles = new Map<number, Handle>();
  #next = 1;
  #busy = 0;

  get busy(): number {
    return this.#busy;
  }

  get size(): number {
    return this.#handles.size;
  }

  /** Throws ENFILE if no more can be opened: ask before opening. */
  reserve(): void {
    if (this.#handles.size >= HANDLES_MAX) throw new HostTreeError(ENFILE);
  }

  addFile(fd: number, appends: boolean): number {
    return this.#add({ kind: "file", fd, appends, busy: 0, closing: false });
  }

  addDirectory(node: Node, names: readonly string[]): number {
    const handle: DirectoryHandle = { kind: "directory", fd: -1, appends: false, busy: 0, closing: false, node, names };
    return this.#add(handle);
  }

  file(id: number): Handle {
    return this.#get(id, "file");
  }

  directory(id: number): DirectoryHandle {
    return this.#get(id, "directory") as DirectoryHandle;
  }

  release(id: number, kind: Handle["kind"]): void {
    const handle = this.#get(id, kind);
    this.#handles.delete(id);
    this.#close(handle);
  }

  /** A request of `handle` goes to libuv, and has come back. */
  begin(handle: Handle): void {
    handle.busy++;
    this.#busy++;
  }

  end(handle: Handle): void {
    handle.busy--;
    this.#busy--;
    if (handle.closing && handle.busy === 0) closeSync(handle.fd);
  }

  closeAll(): void {
    for (const handle of this.#handles.values()) this.#close(handle);
    this.#handles.clear();
  }

  #add(handle: Handle): number {
    const id = this.#next++;
    this.#handles.set(id, handle);
    return id;
  }

  #get(id: number, kind: Handle["kind"]): Handle {
    const handle = this.#handles.get(id);
    if (handle?.kind !== kind) throw new HostTreeError(EBADF);
    return handle;
  }

  #close(handle: Handle): void {
    handle.closing = true;
    if (handle.fd >= 0 && handle.busy === 0) closeSync(handle.fd);
  }
}
