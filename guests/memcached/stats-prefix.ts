/**
 * `stats detail`: gets, hits, sets and deletes counted by the part of the key before the first delimiter (-D, ":"). Only while it is on.
 *
 * Keys without a delimiter are not counted. What clients can make it keep is bounded: beyond PREFIXES_MAX prefixes new ones are not counted.
 */
import { free, tryAlloc } from "../lib/raw/alloc";
import { copy, equal, hash } from "../lib/raw/bytes";
import { Builder, builderRelease, putBytes, putInt, putText } from "../lib/raw/builder";
import { settings } from "./settings";

@unmanaged
class Prefix {
  next: usize;
  hash: u32;
  length: u32;
  pad: u32;
  gets: u64;
  hits: u64;
  sets: u64;
  deletes: u64;
  // the prefix follows
}
const HEADER: usize = offsetof<Prefix>();
const BUCKETS: u32 = 256;
const PREFIXES_MAX: u32 = 16384;

const buckets = memory.data(256 * 4, 16);
let prefixes: u32 = 0;

/** The counters of a key's prefix, or 0 if it is not counted. */
function find(key: usize, nkey: u32): usize {
  let n: u32 = 0;
  const delimiter = <u32>settings.prefixDelimiter;
  while (n < nkey && load<u8>(key + n) != 0 && <u32>load<u8>(key + n) != delimiter) n++;
  if (n == nkey || load<u8>(key + n) == 0) return 0;
  const hv = hash(key, n);
  const bucket = buckets + (<usize>(hv & (BUCKETS - 1)) << 2);
  for (let p = load<usize>(bucket); p; p = changetype<Prefix>(p).next) {
    const x = changetype<Prefix>(p);
    if (x.hash == hv && x.length == n && equal(p + HEADER, key, n)) return p;
  }
  if (prefixes >= PREFIXES_MAX) return 0;
  const p = tryAlloc(HEADER + n);
  if (!p) return 0;
  memory.fill(p, 0, HEADER);
  const x = changetype<Prefix>(p);
  x.next = load<usize>(bucket);
  x.hash = hv;
  x.length = n;
  copy(p + HEADER, key, n);
  store<usize>(bucket, p);
  prefixes++;
  return p;
}

export function prefixGet(key: usize, nkey: u32, hit: bool): void {
  const p = find(key, nkey);
  if (!p) return;
  changetype<Prefix>(p).gets++;
  if (hit) changetype<Prefix>(p).hits++;
}
export function prefixSet(key: usize, nkey: u32): void {
  const p = find(key, nkey);
  if (p) changetype<Prefix>(p).sets++;
}
export function prefixDelete(key: usize, nkey: u32): void {
  const p = find(key, nkey);
  if (p) changetype<Prefix>(p).deletes++;
}

/** `stats reset`. */
export function prefixClear(): void {
  for (let i: u32 = 0; i < BUCKETS; i++) {
    const bucket = buckets + (<usize>i << 2);
    for (let p = load<usize>(bucket); p; ) {
      const next = changetype<Prefix>(p).next;
      free(p);
      p = next;
    }
    store<usize>(bucket, 0);
  }
  prefixes = 0;
}

const dump = changetype<Builder>(memory.data(16, 16));

function field(name: string, value: u64): void {
  putText(dump, name);
  putInt(dump, <i64>value);
}

/** The lines of `stats detail dump`, the END included (`failed`: no memory for them). Valid until prefixDumpFree. */
export function prefixDump(): Builder {
  for (let i: u32 = 0; i < BUCKETS; i++) {
    for (let p = load<usize>(buckets + (<usize>i << 2)); p; p = changetype<Prefix>(p).next) {
      const x = changetype<Prefix>(p);
      putText(dump, "PREFIX ");
      putBytes(dump, p + HEADER, x.length);
      field(" get ", x.gets);
      field(" hit ", x.hits);
      field(" set ", x.sets);
      field(" del ", x.deletes);
      putText(dump, "\r\n");
    }
  }
  putText(dump, "END\r\n");
  return dump;
}
export function prefixDumpFree(): void {
  builderRelease(dump);
}
