/**
 * The FUSE server behind a virtio-fs device: one request in, one reply out, on a HostTree.
 *
 * What always holds: nothing in a request is trusted. A request that is too short, whose reply has no room, that names no node or handle of its
 * own, or whose opcode is unknown gets an error reply before anything is done; nothing it can contain makes the server throw. Every error, the
 * host's or our own, is turned into an errno at one catch point (`serve`).
 */
import {
  fdatasync,
  fdatasyncSync,
  fsync,
  fsyncSync,
  readSync,
  readv,
  readvSync,
  writeSync,
  writev,
  writevSync,
} from "node:fs";
import { EINVAL, ENOSYS, EROFS } from "../../kernel/abi/errno.ts";
import * as fuse from "../../kernel/fs/fuse/protocol.ts";
import type { Chain } from "../queue/chain.ts";
import { FileClaims } from "./file-claims.ts";
import { FuseHandles, type Handle } from "./fuse-handles.ts";
import { OPERATIONS } from "./fuse-operations.ts";
import { FuseReply } from "./fuse-reply.ts";
import { FuseRequest } from "./fuse-request.ts";
import { hostErrno } from "./host-errno.ts";
import { HostTree, HostTreeError } from "./host-tree.ts";

/** Failures for tests. */
export interface FsFaults {
  /**
   * Asked before the `nth` (from 1) write of `length` bytes reaches the host: the bytes that may be written (fewer: a short write), or a
   * negated errno.
   */
  readonly write?: (nth: number, length: number) => number;
  /** The same before the `nth` sync: 0 or a negated errno. */
  readonly sync?: (nth: number) => number;
}

export interface FuseServerOptions {
  readonly folder: string;
  readonly readOnly?: boolean;
  readonly faults?: FsFaults;
  readonly byPath?: boolean;
  readonly log?: (line: string) => void;
}

export class FuseServer {
  readonly tree: HostTree;
  readonly handles = new FuseHandles();
  readonly claims = new FileClaims();
  readonly readOnly: boolean;
  readonly #faults: FsFaults;
  readonly #request = new FuseRequest();
  readonly #reply = new FuseReply();
  #writes = 0;
  #syncs = 0;

  constructor(options: FuseServerOptions) {
    this.tree = new HostTree(options.folder, { ...(options.byPath && { byPath: true }) });
    this.readOnly = options.readOnly ?? false;
    this.#faults = options.faults ?? {};
  }

  /** Requests that libuv works on. */
  get busy(): number {
    return this.handles.busy;
  }

  /**
   * Serves one request. The bytes written into the chain, or null if `later` will be called with them: only a server asked with `later` works
   * asynchronously, and only on READ, WRITE and FSYNC.
   */
  serve(chain: Chain, later: ((written: number) => void) | null): number | null {
    const request = this.#request;
    if (!request.parse(chain)) return fail(chain, 0, EINVAL);
    const { opcode, uniqueLow, uniqueHigh } = request;
    if (opcode === fuse.FUSE_FORGET || opcode === fuse.FUSE_BATCH_FORGET) {
      this.#forget(request);
      return 0;
    }
    try {
      if (opcode === fuse.FUSE_READ || opcode === fuse.FUSE_WRITE || opcode === fuse.FUSE_FSYNC) {
        return this.#transfer(chain, request, later);
      }
      const operation = OPERATIONS.get(opcode);
      if (!operation) return fail(chain, request.unique, ENOSYS);
      if (request.argumentBytes < operation.argumentBytes) return fail(chain, request.unique, EINVAL);
      if (chain.writableBytes < fuse.OUT_HEADER_BYTES + operation.replyBytes)
        return fail(chain, request.unique, EINVAL);
      if (operation.changes && this.readOnly) return fail(chain, request.unique, EROFS);
      const reply = this.#reply;
      reply.begin(chain.writableBytes - fuse.OUT_HEADER_BYTES);
      operation.run(this, request, reply);
      chain.write(fuse.OUT_HEADER_BYTES, reply.bytes);
      return finish(chain, uniqueLow, uniqueHigh, 0, reply.bytes.length);
    } catch (error) {
      return finish(chain, uniqueLow, uniqueHigh, -errnoOf(error), 0);
    }
  }

  reset(): void {
    this.handles.closeAll();
    this.claims.close();
    this.tree.reset();
  }

  close(): void {
    this.handles.closeAll();
    this.claims.close();
    this.tree.close();
  }

  #forget(request: FuseRequest): void {
    if (request.opcode === fuse.FUSE_FORGET) {
      if (request.argumentBytes >= fuse.FORGET_IN_BYTES) this.tree.forget(request.nodeId, request.u64(0));
      return;
    }
    const count = request.argumentBytes >= fuse.BATCH_FORGET_IN_BYTES ? request.u32(0) : 0;
    for (let i = 0, at = fuse.BATCH_FORGET_IN_BYTES; i < count; i++, at += fuse.FORGET_ONE_BYTES) {
      if (at + fuse.FORGET_ONE_BYTES > request.argumentBytes) return;
      this.tree.forget(request.u64(at), request.u64(at + 8));
    }
  }

  /** READ, WRITE, FSYNC: what may be done by a thread of libuv. */
  #transfer(chain: Chain, request: FuseRequest, later: ((written: number) => void) | null): number | null {
    const { opcode, uniqueLow, uniqueHigh } = request;
    const isSync = opcode === fuse.FUSE_FSYNC;
    const isWrite = opcode === fuse.FUSE_WRITE;
    if (request.argumentBytes < (isSync ? fuse.FSYNC_IN_BYTES : fuse.READ_IN_BYTES)) {
      return fail(chain, request.unique, EINVAL);
    }
    if (chain.writableBytes < fuse.OUT_HEADER_BYTES + (isWrite ? fuse.WRITE_OUT_BYTES : 0)) {
      return fail(chain, request.unique, EINVAL);
    }
    const handle = this.handles.file(request.u64(0));
    const position = isSync ? 0 : request.u64(8);
    const size = isSync ? 0 : request.u32(16);
    if (later === null && opcode === fuse.FUSE_READ && hasOneDataPart(chain) && Number.isSafeInteger(position)) {
      const view = chain.part(chain.readableCount + 1);
      const count = size === 0 ? 0 : readSync(handle.fd, view, 0, Math.min(size, view.length), position);
      return finish(chain, uniqueLow, uniqueHigh, 0, count);
    }
    const done = (error: number, count: number): number => {
      // After a reset of the device the buffers are not ours any more.
      if (!chain.outstanding) return 0;
      if (error !== 0) return finish(chain, uniqueLow, uniqueHigh, -error, 0);
      if (!isWrite) return finish(chain, uniqueLow, uniqueHigh, 0, count);
      chain.setU32(fuse.OUT_HEADER_BYTES, count);
      chain.setU32(fuse.OUT_HEADER_BYTES + 4, 0);
      return finish(chain, uniqueLow, uniqueHigh, 0, fuse.WRITE_OUT_BYTES);
    };
    if (isSync) return this.#sync(handle, (request.u32(8) & fuse.FUSE_FSYNC_FDATASYNC) !== 0, done, later);
    if (!Number.isSafeInteger(position)) return done(EINVAL, 0);
    if (!isWrite) {
      const views = dataParts(chain, false, fuse.OUT_HEADER_BYTES, size);
      if (views.length === 0) return done(0, 0);
      if (later === null) return done(0, readNow(handle.fd, views, position));
      this.handles.begin(handle);
      readv(handle.fd, views, position, (error, count) => {
        this.handles.end(handle);
        later(done(error ? hostErrno(error) : 0, count));
      });
      return null;
    }
    if (this.readOnly) return done(EROFS, 0);
    const header = fuse.IN_HEADER_BYTES + fuse.WRITE_IN_BYTES;
    if (chain.readableBytes - header < size) return done(EINVAL, 0);
    const allowed = this.#faults.write?.(++this.#writes, size) ?? size;
    if (allowed < 0) return done(-allowed, 0);
    const views = dataParts(chain, true, header, Math.min(allowed, size));
    if (views.length === 0) return done(0, 0);
    // A descriptor with O_APPEND writes at the end, wherever that is by then: no position.
    const at = handle.appends ? null : position;
    if (later === null) return done(0, writeNow(handle.fd, views, at));
    this.handles.begin(handle);
    writev(handle.fd, views, at as number, (error, count) => {
      this.handles.end(handle);
      later(done(error ? hostErrno(error) : 0, count));
    });
    return null;
  }

  #sync(
    handle: Handle,
    dataOnly: boolean,
    done: (error: number, count: number) => number,
    later: ((written: number) => void) | null,
  ): number | null {
    const fault = this.#faults.sync?.(++this.#syncs) ?? 0;
    if (fault < 0) return done(-fault, 0);
    if (later === null) {
      if (dataOnly) fdatasyncSync(handle.fd);
      else fsyncSync(handle.fd);
      return done(0, 0);
    }
    this.handles.begin(handle);
    (dataOnly ? fdatasync : fsync)(handle.fd, (error) => {
      this.handles.end(handle);
      later(done(error ? hostErrno(error) : 0, 0));
    });
    return null;
  }
}

/** True for a reply of two parts, header and data, as our own driver asks for it: it needs no list of views. */
function hasOneDataPart(chain: Chain): boolean {
  return chain.count === chain.readableCount + 2 && chain.lengths[chain.readableCount] === fuse.OUT_HEADER_BYTES;
}

/** One part is the rule, and half as dear as a vector of one. */
function readNow(fd: number, views: Uint8Array[], position: number): number {
  const [first] = views;
  return views.length === 1 && first ? readSync(fd, first, 0, first.length, position) : readvSync(fd, views, position);
}

function writeNow(fd: number, views: Uint8Array[], position: number | null): number {
  const [first] = views;
  if (views.length === 1 && first) return writeSync(fd, first, 0, first.length, position);
  return writevSync(fd, views, position ?? undefined);
}

/** The chain's data from `offset` on, at most `size` bytes, as it lies in memory. */
function dataParts(chain: Chain, readable: boolean, offset: number, size: number): Uint8Array[] {
  const views: Uint8Array[] = [];
  let start = 0;
  let left = size;
  const last = readable ? chain.readableCount : chain.count;
  for (let i = readable ? 0 : chain.readableCount; i < last && left > 0; i++) {
    const length = chain.lengths[i] as number;
    const skip = Math.max(0, offset - start);
    if (skip < length) {
      const take = Math.min(length - skip, left);
      views.push(chain.part(i).subarray(skip, skip + take));
      left -= take;
    }
    start += length;
  }
  return views;
}

function errnoOf(error: unknown): number {
  return error instanceof HostTreeError ? error.errno : hostErrno(error);
}

/** Writes fuse_out_header; the bytes of the whole reply. Where it has no room, the request was broken: nothing is written. */
function finish(chain: Chain, uniqueLow: number, uniqueHigh: number, error: number, payload: number): number {
  if (chain.writableBytes < fuse.OUT_HEADER_BYTES) return 0;
  chain.setU32(fuse.OUT_LEN, fuse.OUT_HEADER_BYTES + payload);
  chain.setU32(fuse.OUT_ERROR, error);
  chain.setU32(fuse.OUT_UNIQUE, uniqueLow);
  chain.setU32(fuse.OUT_UNIQUE + 4, uniqueHigh);
  return fuse.OUT_HEADER_BYTES + payload;
}

function fail(chain: Chain, unique: number, errno: number): number {
  return finish(chain, unique >>> 0, Math.floor(unique / 2 ** 32), -errno, 0);
}
