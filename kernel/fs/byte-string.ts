/**
 * Names and paths inside the kernel: strings in which every character is one byte (0 to 255). Linux names are bytes, not text; this keeps
 * any of them apart from any other, makes `length` the length that NAME_MAX means, and costs no decoding. Only the edges
 * (JavaScript callers, generated text) convert.
 */
import type { GuestMemory } from "../mem/guest-memory.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** From text. */
export function toByteString(text: string): string {
  return fromBytes(encoder.encode(text));
}

/** To text; bytes that are no UTF-8 become U+FFFD. */
export function toText(name: string): string {
  return decoder.decode(toBytes(name));
}

export function fromBytes(bytes: Uint8Array): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    out += String.fromCharCode.apply(null, bytes.subarray(at, at + 4096) as unknown as number[]);
  }
  return out;
}

export function toBytes(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return bytes;
}

/** Writes `name` at `at` of `target`; its length. */
export function writeBytes(target: Uint8Array, at: number, name: string): number {
  for (let i = 0; i < name.length; i++) target[at + i] = name.charCodeAt(i);
  return name.length;
}

/** The `length` bytes at `ptr` of guest memory, which the caller has validated. */
export function fromGuest(mem: GuestMemory, ptr: number, length: number): string {
  return fromBytes(mem.u8.subarray(ptr, ptr + length));
}
