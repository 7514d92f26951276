/**
 * The command table: one `Command` per name (and per subcommand of a container command), found by a hash of the name
 * that ignores letter case. Filled once at boot by the `register…Commands()` function of each file.
 *
 * A handler is `(c: Client) => void`; it reads `argc`, `argPtr(i)`, `argLen(i)` (client.ts), which stay valid until it returns.
 */
import { allocZero } from "../lib/raw/alloc";
import { lower } from "../lib/raw/bytes";
import { argLen, argPtr, Client } from "./client";

// flags, as COMMAND INFO reports them
export const CMD_WRITE: u32 = 1 << 0;
export const CMD_READONLY: u32 = 1 << 1;
export const CMD_DENYOOM: u32 = 1 << 2;
export const CMD_ADMIN: u32 = 1 << 3;
export const CMD_PUBSUB: u32 = 1 << 4;
export const CMD_NOSCRIPT: u32 = 1 << 5;
export const CMD_BLOCKING: u32 = 1 << 6;
export const CMD_LOADING: u32 = 1 << 7;
export const CMD_STALE: u32 = 1 << 8;
export const CMD_SKIP_MONITOR: u32 = 1 << 9;
export const CMD_SKIP_SLOWLOG: u32 = 1 << 10;
export const CMD_ASKING: u32 = 1 << 11;
export const CMD_FAST: u32 = 1 << 12;
export const CMD_NO_AUTH: u32 = 1 << 13;
export const CMD_MAY_REPLICATE: u32 = 1 << 14;
export const CMD_NO_MULTI: u32 = 1 << 15;
export const CMD_MOVABLE_KEYS: u32 = 1 << 16;
export const CMD_ALLOW_BUSY: u32 = 1 << 17;
export const CMD_NO_ASYNC_LOADING: u32 = 1 << 18;
/** Ours: answers only with the error that names the `redis-server` image. */
export const CMD_UNSUPPORTED: u32 = 1 << 30;

// ACL categories (COMMAND INFO, ACL CAT); @read, @write, @fast, @slow, @admin, @dangerous, @pubsub, @blocking follow from the flags
export const ACL_KEYSPACE: u32 = 1 << 0;
export const ACL_STRING: u32 = 1 << 1;
export const ACL_BITMAP: u32 = 1 << 2;
export const ACL_LIST: u32 = 1 << 3;
export const ACL_SET: u32 = 1 << 4;
export const ACL_SORTEDSET: u32 = 1 << 5;
export const ACL_HASH: u32 = 1 << 6;
export const ACL_CONNECTION: u32 = 1 << 7;
export const ACL_TRANSACTION: u32 = 1 << 8;
export const ACL_SCRIPTING: u32 = 1 << 9;
export const ACL_GEO: u32 = 1 << 10;
export const ACL_STREAM: u32 = 1 << 11;
export const ACL_HYPERLOGLOG: u32 = 1 << 12;
export const ACL_DANGEROUS: u32 = 1 << 13;

// how the keys of CMD_MOVABLE_KEYS commands are found
export const KEYS_RANGE: u32 = 0; // firstKey, lastKey, keyStep
export const KEYS_NUMKEYS: u32 = 1; // a count at argument `keyArg`, keys behind it
export const KEYS_NUMKEYS_STORE: u32 = 2; // key 1 is the destination as well
export const KEYS_SORT: u32 = 3; // key 1 and STORE's
export const KEYS_STREAMS: u32 = 5; // the first half of what follows STREAMS

@unmanaged
export class Command {
  next: usize; // hash chain
  order: usize; // the command registered after this one (COMMAND's list)
  name: usize; // AssemblyScript string; subcommands: the full "config|get"
  hash: u32;
  handler: u32; // function-table index
  arity: i32; // negative: at least
  flags: u32;
  acl: u32;
  firstKey: i32;
  lastKey: i32;
  keyStep: i32;
  keysKind: u32;
  keyArg: i32;
  parent: usize; // Command, or 0
  children: usize; // first subcommand, linked by `sibling`
  sibling: usize;
  // documentation, AssemblyScript strings or 0
  group: usize;
  summary: usize;
  since: usize;
  complexity: usize;
  // statistics (INFO commandstats)
  calls: i64;
  microseconds: f64;
  rejected: i64;
  failed: i64;
  histogram: usize; // latency.ts
  shards: u32; // how it runs where the keys are spread over shards (shard-route.ts)
}

const TABLE_SIZE: u32 = 1024;
const table = memory.data(4096, 16);
/** First registered command; follow `order`. Subcommands are not in this list. */
export let commandsHead: usize = 0;
let commandsTail: usize = 0;
export let commandCount: i32 = 0;

// @ts-ignore: decorator
@inline
function fold(h: u32, ch: u32): u32 {
  return (h ^ (ch | 0x20)) * 0x01000193;
}
function hashText(text: string): u32 {
  let h: u32 = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = fold(h, text.charCodeAt(i));
  return h;
}

/** The command registered last: `describe` and `keysAt` complete it. */
let lastRegistered: Command = changetype<Command>(0);

/** Registers a command. `name` in lower case; arity as Redis counts it (the name included, negative: at least). */
export function command(
  name: string,
  handler: (c: Client) => void,
  arity: i32,
  flags: u32,
  acl: u32,
  firstKey: i32,
  lastKey: i32,
  keyStep: i32,
): Command {
  const m = commandMake(name, handler.index, arity, flags, acl, firstKey, lastKey, keyStep);
  const h = hashText(name);
  m.hash = h;
  const slot = table + (<usize>((h ^ (h >> 15)) & (TABLE_SIZE - 1)) << 2);
  m.next = load<usize>(slot);
  store<usize>(slot, changetype<usize>(m));
  if (commandsTail) changetype<Command>(commandsTail).order = changetype<usize>(m);
  else commandsHead = changetype<usize>(m);
  commandsTail = changetype<usize>(m);
  commandCount++;
  return m;
}

function commandMake(name: string, handler: u32, arity: i32, flags: u32, acl: u32, firstKey: i32, lastKey: i32, keyStep: i32): Command {
  const m = changetype<Command>(allocZero(offsetof<Command>()));
  m.name = changetype<usize>(name);
  m.handler = handler;
  m.arity = arity;
  m.flags = flags;
  m.acl = acl;
  m.firstKey = firstKey;
  m.lastKey = lastKey;
  m.keyStep = keyStep;
  lastRegistered = m;
  return m;
}

/** Registers a subcommand: `fullName` is "config|get". The parent's own handler runs only when no subcommand is given (arity allowing). */
export function subcommand(parent: Command, fullName: string, handler: (c: Client) => void, arity: i32, flags: u32, acl: u32): Command {
  const m = commandMake(fullName, handler.index, arity, flags, acl, 0, 0, 0);
  m.parent = changetype<usize>(parent);
  m.sibling = parent.children;
  parent.children = changetype<usize>(m);
  return m;
}

/** Documentation of the command registered last. */
export function describe(group: string, since: string, summary: string, complexity: string): void {
  const m = lastRegistered;
  m.group = changetype<usize>(group);
  m.since = changetype<usize>(since);
  m.summary = changetype<usize>(summary);
  m.complexity = changetype<usize>(complexity);
}
/** Where the keys of the command registered last are, when a range does not tell. */
export function keysAt(kind: u32, keyArg: i32): void {
  lastRegistered.keysKind = kind;
  lastRegistered.keyArg = keyArg;
}

function sameName(m: Command, p: usize, n: u32): bool {
  const name = changetype<string>(m.name);
  if (<u32>name.length != n) return false;
  for (let i: usize = 0; i < n; i++) {
    if (lower(load<u8>(p + i)) != <u32>load<u16>(m.name + (i << 1))) return false;
  }
  return true;
}

let cachedWord: u64 = 0;
let cachedCommand: usize = 0;

/** The command of that name in any letter case, or 0. */
export function commandFind(p: usize, n: u32): usize {
  // The same short name twice in a row is the common case: one comparison.
  if (n <= 7) {
    const word = (load<u64>(p) & ((<u64>1 << (n << 3)) - 1)) | (<u64>n << 56);
    if (word == cachedWord) return cachedCommand;
    const m = commandSearch(p, n);
    if (m) {
      cachedWord = word;
      cachedCommand = m;
    }
    return m;
  }
  return commandSearch(p, n);
}
function commandSearch(p: usize, n: u32): usize {
  if (n > 64) return 0;
  let h: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < n; i++) h = fold(h, load<u8>(p + i));
  let m = load<usize>(table + (<usize>((h ^ (h >> 15)) & (TABLE_SIZE - 1)) << 2));
  while (m) {
    const k = changetype<Command>(m);
    if (k.hash == h && sameName(k, p, n)) return m;
    m = k.next;
  }
  return 0;
}

/** The subcommand of `parent` named by the bytes, or 0. */
export function subcommandFind(parent: Command, p: usize, n: u32): usize {
  const prefix = changetype<string>(parent.name).length + 1;
  for (let m = parent.children; m; m = changetype<Command>(m).sibling) {
    const k = changetype<Command>(m);
    const name = changetype<string>(k.name);
    if (<u32>(name.length - prefix) != n) continue;
    let same = true;
    for (let i: usize = 0; i < n; i++) {
      if (lower(load<u8>(p + i)) != <u32>load<u16>(k.name + ((i + <usize>prefix) << 1))) {
        same = false;
        break;
      }
    }
    if (same) return m;
  }
  return 0;
}

/** Whether argument i is the literal word (lower case), in any letter case. */
export function argIs(i: i32, word: string): bool {
  const n = word.length;
  if (<i32>argLen(i) != n) return false;
  const p = argPtr(i);
  const w = changetype<usize>(word);
  for (let k: usize = 0; k < <usize>n; k++) {
    if (lower(load<u8>(p + k)) != <u32>load<u16>(w + (k << 1))) return false;
  }
  return true;
}
