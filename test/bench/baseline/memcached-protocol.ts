/**
 * memcached's classic text protocol for the plain Node baseline: requests are read where they lie in the socket's chunk, replies are collected
 * in one string for one write. get and set, which make the load, are read byte by byte without an array; the rest is split into words.
 */
import { Item, type Store } from "./memcached-store.ts";

/** Node's own fast path under toString("latin1", …): in every Node, but not in its typings. */
type Bytes = Buffer & { latin1Slice(start: number, end: number): string };

const space = 32;
const cr = 13;
const lf = 10;
const keyMax = 250;
const valueMax = 1024 * 1024;
const lineMax = 2048;
const badFormat = "CLIENT_ERROR bad command line format\r\n";
const storeCommands = new Set(["set", "add", "replace", "append", "prepend", "cas"]);

interface Storage {
  readonly command: string;
  readonly key: string;
  readonly flags: number;
  readonly deadline: number;
  readonly cas: number;
}

export class Session {
  closing = false;
  readonly #store: Store;
  #replies = "";
  /** The incomplete request at the end of the last chunk; more chunks wait in `#waiting` until `#neededBytes` are there. */
  #waiting: Bytes[] = [];
  #waitingBytes = 0;
  #neededBytes = 0;
  /** Bytes of a value too large to be kept, which have still to be thrown away. */
  #swallow = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes a chunk as it came; returns what is to be sent. */
  push(data: Buffer): string {
    let buffer = data as Bytes;
    if (this.#waitingBytes > 0) {
      this.#waiting.push(buffer);
      this.#waitingBytes += buffer.length;
      if (this.#waitingBytes < this.#neededBytes) return "";
      buffer = Buffer.concat(this.#waiting) as Bytes;
      this.#waiting = [];
      this.#waitingBytes = 0;
    }
    this.#neededBytes = 0;
    let at = 0;
    while (at < buffer.length && !this.closing) {
      const next = this.#request(buffer, at);
      if (next < 0) break;
      at = next;
    }
    if (at < buffer.length && !this.closing) {
      const rest = (at === 0 ? buffer : buffer.subarray(at)) as Bytes;
      this.#waiting = [rest];
      this.#waitingBytes = rest.length;
      this.#neededBytes = this.#neededBytes === 0 ? 0 : this.#neededBytes - at;
    }
    const replies = this.#replies;
    this.#replies = "";
    return replies;
  }

  /** One request at `at`; the offset behind it, or -1 if it is not all there. */
  #request(buffer: Bytes, at: number): number {
    if (this.#swallow > 0) {
      const count = Math.min(this.#swallow, buffer.length - at);
      this.#swallow -= count;
      return at + count;
    }
    const newline = buffer.indexOf(lf, at);
    if (newline < 0) {
      if (buffer.length - at > lineMax) {
        this.#replies += "CLIENT_ERROR line too long\r\n";
        this.closing = true;
      }
      return -1;
    }
    const end = newline > at && buffer[newline - 1] === cr ? newline - 1 : newline;
    // "get " and "set ", with one space before each word and nothing else: anything unusual takes the long way.
    if (buffer[at + 1] === 101 && buffer[at + 2] === 116 && buffer[at + 3] === space) {
      if (buffer[at] === 103) {
        if (this.#get(buffer, at + 4, end)) return newline + 1;
      } else if (buffer[at] === 115) {
        const next = this.#set(buffer, at + 4, end, newline + 1);
        if (next !== 0) return next;
      }
    }
    const words = buffer
      .latin1Slice(at, end)
      .split(" ")
      .filter((word) => word !== "");
    const command = words[0] ?? "";
    if (storeCommands.has(command)) return this.#storage(buffer, newline + 1, words);
    this.#replies += this.#command(command, words);
    return newline + 1;
  }

  #get(buffer: Bytes, from: number, end: number): boolean {
    let replies = "";
    for (let at = from; at < end; ) {
      let stop = at;
      while (stop < end && buffer[stop] !== space) stop++;
      if (stop === at || stop - at > keyMax) return false;
      const key = buffer.latin1Slice(at, stop);
      const item = this.#store.get(key);
      if (item !== undefined) {
        item.fetched = true;
        replies += `VALUE ${key} ${item.flags} ${item.value.length}\r\n${item.value}\r\n`;
      }
      at = stop + 1;
    }
    if (from >= end) return false;
    this.#replies += `${replies}END\r\n`;
    return true;
  }

  /** A plain set whose value is all there; 0: not one, -1: its value is not all there. */
  #set(buffer: Bytes, from: number, end: number, valueAt: number): number {
    let at = from;
    while (at < end && buffer[at] !== space) at++;
    const keyEnd = at;
    if (keyEnd === from || keyEnd - from > keyMax) return 0;
    let flags = 0;
    let exptime = 0;
    let bytes = 0;
    for (let field = 0; field < 3; field++) {
      if (buffer[at] !== space) return 0;
      const first = ++at;
      let number = 0;
      for (; at < end; at++) {
        const digit = buffer[at]! - 48;
        if (digit < 0 || digit > 9) break;
        number = number * 10 + digit;
      }
      if (at === first || at - first > 9) return 0;
      if (field === 0) flags = number;
      else if (field === 1) exptime = number;
      else bytes = number;
    }
    if (at !== end || bytes > valueMax) return 0;
    const stop = valueAt + bytes;
    if (stop + 2 > buffer.length) {
      this.#neededBytes = stop + 2;
      return -1;
    }
    if (buffer[stop] !== cr || buffer[stop + 1] !== lf) return 0;
    const key = buffer.latin1Slice(from, keyEnd);
    this.#store.set(
      key,
      new Item(buffer.latin1Slice(valueAt, stop), flags, exptime === 0 ? 0 : this.#store.deadlineOf(exptime)),
    );
    this.#replies += "STORED\r\n";
    return stop + 2;
  }

  #storage(buffer: Bytes, valueAt: number, words: string[]): number {
    const isCas = words[0] === "cas";
    const noreply = words[isCas ? 6 : 5] === "noreply";
    const [command = "", key = "", flags = "", exptime = "", bytes = "", cas = "0"] = words;
    const size = integer(bytes, 2 ** 31);
    const wellFormed = words.length === (isCas ? 6 : 5) + (noreply ? 1 : 0) && key.length <= keyMax;
    const numbers = [integer(flags, 2 ** 32), integer(exptime, 2 ** 31, true), isCas ? integer(cas, 2 ** 64) : 0];
    if (!wellFormed || size === undefined || numbers.includes(undefined)) {
      this.#replies += words.length < (isCas ? 6 : 5) ? "ERROR\r\n" : badFormat;
      return valueAt;
    }
    if (size > valueMax) {
      this.#replies += noreply ? "" : "SERVER_ERROR object too large for cache\r\n";
      this.#swallow = size + 2;
      // The value that was to be replaced is not what the client believes to be there.
      const old = this.#store.get(key);
      if (old !== undefined) this.#store.delete(key, old);
      return valueAt;
    }
    const stop = valueAt + size;
    if (stop + 2 > buffer.length) {
      this.#neededBytes = stop + 2;
      return -1;
    }
    if (buffer[stop] !== cr || buffer[stop + 1] !== lf) {
      if (!noreply) this.#replies += "CLIENT_ERROR bad data chunk\r\n";
      // What is left of the line is the next request.
      return stop + 2;
    }
    const [flagBits = 0, seconds = 0, casWanted = 0] = numbers as number[];
    const deadline = this.#store.deadlineOf(seconds);
    const request = { command, key, flags: flagBits, deadline, cas: casWanted };
    const reply = this.#storeValue(request, buffer.latin1Slice(valueAt, stop));
    if (!noreply) this.#replies += reply;
    return stop + 2;
  }

  #storeValue({ command, key, flags, deadline, cas }: Storage, value: string): string {
    const store = this.#store;
    const old = store.get(key);
    if (command === "append" || command === "prepend") {
      if (old === undefined) return "NOT_STORED\r\n";
      const whole = command === "append" ? old.value + value : value + old.value;
      if (whole.length > valueMax) return "SERVER_ERROR out of memory storing object\r\n";
      store.update(key, old, whole);
      return "STORED\r\n";
    }
    if (command === "add" && old !== undefined) return "NOT_STORED\r\n";
    if (command === "replace" && old === undefined) return "NOT_STORED\r\n";
    if (command === "cas") {
      if (old === undefined) return "NOT_FOUND\r\n";
      if (old.cas !== cas) return "EXISTS\r\n";
    }
    store.set(key, new Item(value, flags, deadline));
    return "STORED\r\n";
  }

  #command(command: string, words: string[]): string {
    const noreply = words.length > 1 && words.at(-1) === "noreply";
    const reply = this.#reply(command, noreply ? words.slice(0, -1) : words);
    return noreply ? "" : reply;
  }

  #reply(command: string, words: string[]): string {
    switch (command) {
      case "get":
      case "gets":
        return this.#values(words.slice(1), command === "gets", undefined);
      case "gat":
      case "gats":
        return words.length < 3 ? "ERROR\r\n" : this.#values(words.slice(2), command === "gats", words[1]);
      case "incr":
      case "decr":
        return words.length === 3 ? this.#count(command, words[1] ?? "", words[2] ?? "") : "ERROR\r\n";
      case "touch":
        return words.length === 3 ? this.#touch(words[1] ?? "", words[2] ?? "") : "ERROR\r\n";
      case "delete":
        return this.#delete(words);
      case "flush_all": {
        const delay = words.length > 1 ? integer(words[1] ?? "", 2 ** 31, true) : 0;
        if (delay === undefined || words.length > 2) return badFormat;
        this.#store.flush(delay);
        return "OK\r\n";
      }
      case "verbosity":
        return words.length > 1 ? "OK\r\n" : "ERROR\r\n";
      case "version":
        return "VERSION baseline\r\n";
      case "stats": {
        const { items, bytes, evictions } = this.#store;
        return `STAT curr_items ${items.size}\r\nSTAT bytes ${bytes}\r\nSTAT evictions ${evictions}\r\nEND\r\n`;
      }
      case "quit":
        this.closing = true;
        return "";
      default:
        return "ERROR\r\n";
    }
  }

  #values(keys: string[], withCas: boolean, exptime: string | undefined): string {
    if (keys.length === 0) return "ERROR\r\n";
    if (keys.some((key) => key.length > keyMax)) return badFormat;
    const seconds = exptime === undefined ? 0 : integer(exptime, 2 ** 31, true);
    if (seconds === undefined) return "CLIENT_ERROR invalid exptime argument\r\n";
    let replies = "";
    for (const key of keys) {
      const item = this.#store.get(key);
      if (item === undefined) continue;
      item.fetched = true;
      if (exptime !== undefined) item.deadline = this.#store.deadlineOf(seconds);
      const cas = withCas ? ` ${item.cas}` : "";
      replies += `VALUE ${key} ${item.flags} ${item.value.length}${cas}\r\n${item.value}\r\n`;
    }
    return `${replies}END\r\n`;
  }

  #count(command: string, key: string, text: string): string {
    if (key.length > keyMax) return badFormat;
    const delta = unsigned64(text);
    if (delta === undefined) return "CLIENT_ERROR invalid numeric delta argument\r\n";
    const item = this.#store.get(key);
    if (item === undefined) return "NOT_FOUND\r\n";
    // A number ends with the value or at a space: what was longer once is filled up with spaces.
    const old = unsigned64(/^\d+(?=\s|$)/.exec(item.value)?.[0] ?? "");
    if (old === undefined) return "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
    const sum = command === "incr" ? BigInt.asUintN(64, old + delta) : old > delta ? old - delta : 0n;
    const digits = sum.toString();
    // A shorter number keeps the value's length, as memcached's does.
    this.#store.update(key, item, digits.padEnd(item.value.length));
    return `${digits}\r\n`;
  }

  #touch(key: string, text: string): string {
    const seconds = integer(text, 2 ** 31, true);
    if (key.length > keyMax) return badFormat;
    if (seconds === undefined) return "CLIENT_ERROR invalid exptime argument\r\n";
    const item = this.#store.get(key);
    if (item === undefined) return "NOT_FOUND\r\n";
    item.deadline = this.#store.deadlineOf(seconds);
    return "TOUCHED\r\n";
  }

  #delete(words: string[]): string {
    const [, key = ""] = words;
    if (words.length < 2) return "ERROR\r\n";
    if (words.length > 3 || (words.length === 3 && words[2] !== "0"))
      return `${badFormat.slice(0, -2)}.  Usage: delete <key> [noreply]\r\n`;
    if (key.length > keyMax) return badFormat;
    const item = this.#store.get(key);
    if (item === undefined) return "NOT_FOUND\r\n";
    this.#store.delete(key, item);
    return "DELETED\r\n";
  }
}

function unsigned64(text: string): bigint | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value < 2n ** 64n ? value : undefined;
}

function integer(text: string, below: number, signed = false): number | undefined {
  if (!(signed ? /^-?\d+$/ : /^\d+$/).test(text)) return undefined;
  const value = Number(text);
  return value < below && value >= -below ? value : undefined;
}
