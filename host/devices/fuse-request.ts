/**
 * One FUSE request as a server reads it: fuse_in_header and the arguments, copied out of the chain once, so that a guest that changes its
 * memory meanwhile changes nothing here. The data of a WRITE stays where it is.
 */
import { EINVAL } from "../../kernel/abi/errno.ts";
import {
  FUSE_WRITE,
  getU64,
  IN_HEADER_BYTES,
  IN_LEN,
  IN_NODEID,
  IN_OPCODE,
  IN_UNIQUE,
  WRITE_IN_BYTES,
} from "../../kernel/fs/fuse/protocol.ts";
import type { Chain } from "../queue/chain.ts";
import { HostTreeError } from "./host-tree.ts";

/** Header, the largest arguments (FUSE_SYMLINK: a name and a path; FUSE_BATCH_FORGET: as many as fit), and some. */
const REQUEST_BYTES_MAX = 16384;

const BEGINNING_BYTES = IN_HEADER_BYTES + WRITE_IN_BYTES;

export class FuseRequest {
  readonly #bytes = new Uint8Array(REQUEST_BYTES_MAX);
  /** As much as most requests have, READ and WRITE (its data apart) among them: one copy does. */
  readonly #beginning = this.#bytes.subarray(0, BEGINNING_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  opcode = 0;
  unique = 0;
  uniqueLow = 0;
  uniqueHigh = 0;
  nodeId = 0;
  /** Bytes behind the header. */
  argumentBytes = 0;

  /** False if it is no request at all: too short, too long, or its own length is wrong. `unique` is good if there is a header. */
  parse(chain: Chain): boolean {
    const total = chain.readableBytes;
    this.unique = 0;
    this.uniqueLow = 0;
    this.uniqueHigh = 0;
    if (total < IN_HEADER_BYTES) return false;
    chain.read(0, this.#beginning);
    this.opcode = this.#view.getUint32(IN_OPCODE, true);
    this.unique = getU64(this.#view, IN_UNIQUE);
    this.uniqueLow = this.#view.getUint32(IN_UNIQUE, true);
    this.uniqueHigh = this.#view.getUint32(IN_UNIQUE + 4, true);
    this.nodeId = getU64(this.#view, IN_NODEID);
    if (this.#view.getUint32(IN_LEN, true) !== total) return false;
    const kept = this.opcode === FUSE_WRITE ? Math.min(total, IN_HEADER_BYTES + WRITE_IN_BYTES) : total;
    if (kept > REQUEST_BYTES_MAX) return false;
    if (kept > BEGINNING_BYTES) chain.read(0, this.#bytes.subarray(0, kept));
    this.argumentBytes = kept - IN_HEADER_BYTES;
    return true;
  }

  /** Fields of the arguments. */
  u32(offset: number): number {
    return this.#view.getUint32(IN_HEADER_BYTES + offset, true);
  }

  u64(offset: number): number {
    return getU64(this.#view, IN_HEADER_BYTES + offset);
  }

  i64(offset: number): number {
    return (
      this.#view.getInt32(IN_HEADER_BYTES + offset + 4, true) * 2 ** 32 +
      this.#view.getUint32(IN_HEADER_BYTES + offset, true)
    );
  }

  /** `count` NUL-terminated names from `offset` on, as byte strings. Throws EINVAL unless they are there and nothing is behind them. */
  names(offset: number, count: number): string[] {
    const names: string[] = [];
    const end = IN_HEADER_BYTES + this.argumentBytes;
    let at = IN_HEADER_BYTES + offset;
    for (let i = 0; i < count; i++) {
      const nul = this.#bytes.indexOf(0, at);
      if (nul < 0 || nul >= end || nul === at) throw new HostTreeError(EINVAL);
      names.push(Buffer.from(this.#bytes.buffer, at, nul - at).toString("latin1"));
      at = nul + 1;
    }
    if (at !== end) throw new HostTreeError(EINVAL);
    return names;
  }
}
