/**
 * A FUSE reply under construction, behind fuse_out_header. It never grows beyond the room that the chain has.
 */
import type { BigIntStats } from "node:fs";
import { ERANGE } from "../../kernel/abi/errno.ts";
import * as fuse from "../../kernel/fs/fuse/protocol.ts";
import { HostTreeError } from "./host-tree.ts";

const REPLY_BYTES_MAX = 65536;
const NS_PER_SECOND = 1_000_000_000n;

export class FuseReply {
  readonly #buffer = new Uint8Array(REPLY_BYTES_MAX);
  readonly #view = new DataView(this.#buffer.buffer);
  room = 0;
  length = 0;

  begin(room: number): void {
    this.room = Math.min(room, REPLY_BYTES_MAX);
    this.length = 0;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  /** Takes `count` bytes, zeroed; where they start. */
  reserve(count: number): number {
    const at = this.length;
    if (at + count > this.room) throw new HostTreeError(ERANGE);
    this.#buffer.fill(0, at, at + count);
    this.length = at + count;
    return at;
  }

  append(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.reserve(bytes.length));
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  setU64(at: number, value: number): void {
    fuse.setU64(this.#view, at, value);
  }

  /** fuse_attr. */
  attributes(at: number, stats: BigIntStats, uid: number, gid: number): void {
    const view = this.#view;
    view.setBigUint64(at + fuse.ATTR_INO, stats.ino, true);
    view.setBigUint64(at + fuse.ATTR_SIZE, stats.size, true);
    view.setBigUint64(at + fuse.ATTR_BLOCKS, stats.blocks ?? 0n, true);
    this.#time(at + fuse.ATTR_ATIME, at + fuse.ATTR_ATIMENSEC, stats.atimeNs);
    this.#time(at + fuse.ATTR_MTIME, at + fuse.ATTR_MTIMENSEC, stats.mtimeNs);
    this.#time(at + fuse.ATTR_CTIME, at + fuse.ATTR_CTIMENSEC, stats.ctimeNs);
    this.setU32(at + fuse.ATTR_MODE, Number(stats.mode));
    this.setU32(at + fuse.ATTR_NLINK, Number(stats.nlink));
    this.setU32(at + fuse.ATTR_UID, uid);
    this.setU32(at + fuse.ATTR_GID, gid);
    this.setU32(at + fuse.ATTR_RDEV, Number(stats.rdev));
    this.setU32(at + fuse.ATTR_BLKSIZE, Number(stats.blksize ?? 4096n));
  }

  /** fuse_dirent; `offset` is where the next one starts. */
  dirent(ino: bigint, offset: number, type: number, name: string): void {
    const at = this.reserve(fuse.direntBytes(name.length));
    this.#view.setBigUint64(at, ino, true);
    this.setU64(at + fuse.DIRENT_OFF, offset);
    this.setU32(at + fuse.DIRENT_NAMELEN, name.length);
    this.setU32(at + fuse.DIRENT_TYPE, type);
    this.#buffer.set(Buffer.from(name, "latin1"), at + fuse.DIRENT_BYTES);
  }

  #time(secAt: number, nsecAt: number, ns: bigint): void {
    let nsec = ns % NS_PER_SECOND;
    if (nsec < 0n) nsec += NS_PER_SECOND;
    this.#view.setBigInt64(secAt, (ns - nsec) / NS_PER_SECOND, true);
    this.setU32(nsecAt, Number(nsec));
  }
}
