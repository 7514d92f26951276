/** Packets of the binary protocol: made, and read for a test to compare. */

export const GET = 0x00;
export const SET = 0x01;
export const ADD = 0x02;
export const REPLACE = 0x03;
export const DELETE = 0x04;
export const INCREMENT = 0x05;
export const DECREMENT = 0x06;
export const QUIT = 0x07;
export const FLUSH = 0x08;
export const GETQ = 0x09;
export const NOOP = 0x0a;
export const VERSION = 0x0b;
export const GETK = 0x0c;
export const GETKQ = 0x0d;
export const APPEND = 0x0e;
export const PREPEND = 0x0f;
export const STAT = 0x10;
export const SETQ = 0x11;
export const ADDQ = 0x12;
export const REPLACEQ = 0x13;
export const DELETEQ = 0x14;
export const INCREMENTQ = 0x15;
export const DECREMENTQ = 0x16;
export const QUITQ = 0x17;
export const FLUSHQ = 0x18;
export const APPENDQ = 0x19;
export const PREPENDQ = 0x1a;
export const TOUCH = 0x1c;
export const GAT = 0x1d;
export const GATQ = 0x1e;
export const SASL_LIST_MECHS = 0x20;
export const SASL_AUTH = 0x21;
export const GATK = 0x23;
export const GATKQ = 0x24;

export interface Parts {
  key?: string;
  value?: string;
  extras?: Buffer;
  cas?: bigint;
  opaque?: number;
  /** Instead of what the lengths really are. */
  keyLength?: number;
  extrasLength?: number;
  bodyLength?: number;
  magic?: number;
}

export function packet(opcode: number, parts: Parts = {}): Buffer {
  const key = Buffer.from(parts.key ?? "", "latin1");
  const value = Buffer.from(parts.value ?? "", "latin1");
  const extras = parts.extras ?? Buffer.alloc(0);
  const head = Buffer.alloc(24);
  head[0] = parts.magic ?? 0x80;
  head[1] = opcode;
  head.writeUInt16BE(parts.keyLength ?? key.length, 2);
  head[4] = parts.extrasLength ?? extras.length;
  head.writeUInt32BE(parts.bodyLength ?? key.length + value.length + extras.length, 8);
  head.writeUInt32BE(parts.opaque ?? 0x01020304, 12);
  head.writeBigUInt64BE(parts.cas ?? 0n, 16);
  return Buffer.concat([head, extras, key, value]);
}

/** Extras of 32-bit words. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
}

/** Extras of a storage command. */
export const store = (flags = 0, expiry = 0): Buffer => words(flags, expiry);

/** Extras of INCREMENT and DECREMENT. */
export function count(delta: bigint, initial = 0n, expiry = 0): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeBigUInt64BE(delta, 0);
  bytes.writeBigUInt64BE(initial, 8);
  bytes.writeUInt32BE(expiry >>> 0, 16);
  return bytes;
}

export interface Answer {
  opcode: number;
  status: number;
  extras: string; // hex
  key: string;
  value: string;
  opaque: number;
  cas: bigint;
}

/** The answers in the bytes; throws if they are not whole ones. */
export function answers(bytes: Buffer): Answer[] {
  const found: Answer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== 0x81) throw new Error(`no answer: magic ${bytes[at]}`);
    const keyLength = bytes.readUInt16BE(at + 2);
    const extrasLength = bytes.readUInt8(at + 4);
    const end = at + 24 + bytes.readUInt32BE(at + 8);
    if (end > bytes.length) throw new Error("half an answer");
    const key = at + 24 + extrasLength;
    found.push({
      opcode: bytes.readUInt8(at + 1),
      status: bytes.readUInt16BE(at + 6),
      extras: bytes.toString("hex", at + 24, key),
      key: bytes.toString("latin1", key, key + keyLength),
      value: bytes.toString("latin1", key + keyLength, end),
      opaque: bytes.readUInt32BE(at + 12),
      cas: bytes.readBigUInt64BE(at + 16),
    });
    at = end;
  }
  return found;
}

/** An answer as one readable word: "op status", then what there is of "cas", extras, key and value. */
export function brief(answer: Answer): string {
  const parts = [answer.opcode.toString(16), answer.status.toString(16)];
  if (answer.cas) parts.push("cas");
  if (answer.extras) parts.push(`+${answer.extras}`);
  if (answer.key) parts.push(`key=${answer.key}`);
  if (answer.value) parts.push(JSON.stringify(answer.value));
  if (answer.opaque !== 0x01020304) parts.push(`opaque=${answer.opaque.toString(16)}`);
  return parts.join(" ");
}
