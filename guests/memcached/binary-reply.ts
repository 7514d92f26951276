/** The binary protocol's request head as it is being executed, and answers to it. */
import { copy, textCopy } from "../lib/raw/bytes";
import { Conn, STATE_SWALLOW } from "./connection";
import { commit, reserve } from "./output";

export const HEAD_BYTES: u32 = 24;

/** Status codes. */
export const SUCCESS: u32 = 0;
export const KEY_ENOENT: u32 = 1;
export const KEY_EEXISTS: u32 = 2;
export const E2BIG: u32 = 3;
export const EINVAL: u32 = 4;
export const NOT_STORED: u32 = 5;
export const DELTA_BADVAL: u32 = 6;
export const AUTH_ERROR: u32 = 0x20;
export const UNKNOWN_COMMAND: u32 = 0x81;
export const ENOMEM: u32 = 0x82;

/** The request: its extras, its key, what comes behind that. They point into the receive buffer. */
export let extras: usize = 0;
export let extrasLength: u32 = 0;
export let key: usize = 0;
export let keyLength: u32 = 0;
export let bodyLength: u32 = 0;
export let requestCas: u64 = 0;

/** Reads the head at p. */
export function requestRead(c: Conn, p: usize): void {
  keyLength = bswap<u16>(load<u16>(p, 2));
  extrasLength = load<u8>(p, 4);
  bodyLength = bswap<u32>(load<u32>(p, 8));
  requestCas = bswap<u64>(load<u64>(p, 16));
  extras = p + HEAD_BYTES;
  key = extras + extrasLength;
  c.opcode = load<u8>(p, 1);
  c.opaque = load<u32>(p, 12);
  c.cas = 0;
}

/** What is left of the body behind extras and key. */
export function valueLength(): u32 {
  return bodyLength - keyLength - extrasLength;
}

/** Writes an answer's head at `at`; where its body goes. */
export function head(c: Conn, at: usize, status: u32, extras: u32, nkey: u32, body: u32, cas: u64): usize {
  store<u8>(at, 0x81);
  store<u8>(at, c.opcode, 1);
  store<u16>(at, bswap<u16>(<u16>nkey), 2);
  store<u8>(at, <u8>extras, 4);
  store<u8>(at, 0, 5);
  store<u16>(at, bswap<u16>(<u16>status), 6);
  store<u32>(at, bswap<u32>(body), 8);
  store<u32>(at, c.opaque, 12);
  store<u64>(at, bswap<u64>(cas), 16);
  return at + HEAD_BYTES;
}

/** Success without a body, unless the request was a quiet one. */
export function replyDone(c: Conn, cas: u64): void {
  if (c.noreply) return;
  const at = reserve(c, HEAD_BYTES);
  commit(c, head(c, at, SUCCESS, 0, 0, 0, cas));
}

/** Success with a text. */
export function replyBody(c: Conn, text: string): void {
  if (c.noreply) return;
  const at = reserve(c, HEAD_BYTES + text.length + 8);
  const body = head(c, at, SUCCESS, 0, 0, text.length, 0);
  commit(c, body + textCopy(body, text));
}

/** A status with its text; `swallow` bytes that follow are thrown away. */
export function replyStatus(c: Conn, status: u32, swallow: u32): void {
  const text = statusText(status);
  replyStatusText(c, status, text, swallow);
}
export function replyStatusText(c: Conn, status: u32, text: string, swallow: u32): void {
  const at = reserve(c, HEAD_BYTES + text.length + 8);
  const body = head(c, at, status, 0, 0, text.length, 0);
  commit(c, body + textCopy(body, text));
  if (swallow) {
    c.left = swallow;
    c.state = STATE_SWALLOW;
  }
}

function statusText(status: u32): string {
  switch (status) {
    case KEY_ENOENT:
      return "Not found";
    case KEY_EEXISTS:
      return "Data exists for key.";
    case E2BIG:
      return "Too large.";
    case EINVAL:
      return "Invalid arguments";
    case NOT_STORED:
      return "Not stored.";
    case DELTA_BADVAL:
      return "Non-numeric server-side value for incr or decr";
    case AUTH_ERROR:
      return "Auth failure.";
    case ENOMEM:
      return "Out of memory";
    default:
      return "Unknown command";
  }
}

/** "Not found" that carries the key instead of a text. */
export function replyMissKey(c: Conn): void {
  const at = reserve(c, HEAD_BYTES + keyLength);
  const body = head(c, at, KEY_ENOENT, 0, keyLength, keyLength, 0);
  copy(body, key, keyLength);
  commit(c, body + keyLength);
}
