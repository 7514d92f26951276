/**
 * The manifest of the append-only files (Redis 7's multi-part AOF): which files make up the data, in which order.
 *
 * A line per file: `file NAME seq N type b|h|i`; one BASE (b), replaced files that are still to be deleted (h, history), the INCR
 * files (i) in the order of their sequence numbers. The manifest is changed in memory, written beside the old one, synced,
 * renamed over it; aof-files.ts does the writing.
 */
import { free, tryRealloc } from "../lib/raw/alloc";
import { Builder, builderReset, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { blobData, blobLength, blobNew, equalWord } from "../lib/raw/bytes";
import { putQuoted, splitWords, wordAt, wordCount, wordSize } from "./config-words";
import { parseI64, parsedI64 } from "../lib/raw/number";
import { cfg } from "./server";

export const TYPE_BASE: u32 = 98;
export const TYPE_HISTORY: u32 = 104;
export const TYPE_INCR: u32 = 105;

@unmanaged
export class AofFile {
  name: usize; // blob, without a folder
  type: u16;
  previous: u16; // history: what it was
  seq: i64;
}
const FILE_SIZE: usize = 16;
const FILES_MAX: i32 = 4096;

const files: usize = memory.data(4, 4); // address of the array
let capacity: i32 = 0;
export let fileCount: i32 = 0;
export let baseSeq: i64 = 0;
export let incrSeq: i64 = 0;

export function fileAt(i: i32): AofFile {
  return changetype<AofFile>(load<usize>(files) + <usize>i * FILE_SIZE);
}

/** Adds a file (the blob becomes the manifest's). */
export function fileAdd(name: usize, type: u32, seq: i64): AofFile {
  if (fileCount == capacity) {
    capacity = capacity ? capacity << 1 : 16;
    const q = tryRealloc(load<usize>(files), <usize>capacity * FILE_SIZE);
    if (!q) unreachable();
    store<usize>(files, q);
  }
  const f = fileAt(fileCount++);
  f.name = name;
  f.type = <u16>type;
  f.previous = <u16>type;
  f.seq = seq;
  if (type == TYPE_BASE) baseSeq = seq;
  else if (type == TYPE_INCR && seq > incrSeq) incrSeq = seq;
  return f;
}
export function fileRemove(i: i32): void {
  free(fileAt(i).name);
  memory.copy(changetype<usize>(fileAt(i)), changetype<usize>(fileAt(i + 1)), <usize>(fileCount - i - 1) * FILE_SIZE);
  fileCount--;
}
/** The only file of type BASE, or the last one of a type; 0 when there is none. */
export function fileLast(type: u32): usize {
  for (let i = fileCount - 1; i >= 0; i--) {
    if (<u32>fileAt(i).type == type) return changetype<usize>(fileAt(i));
  }
  return 0;
}
export function fileCountOf(type: u32): i32 {
  let n = 0;
  for (let i = 0; i < fileCount; i++) {
    if (<u32>fileAt(i).type == type) n++;
  }
  return n;
}

const text: Builder = changetype<Builder>(memory.data(16, 16));
function begin(prefix: string): void {
  builderReset(text);
  putText(text, prefix);
  putBytes(text, blobData(cfg.appendfilename), blobLength(cfg.appendfilename));
}
/** appendonly.aof.N.base.aof, with the next number. */
export function nextBaseName(): usize {
  begin("");
  putByte(text, 46);
  putInt(text, baseSeq + 1);
  putText(text, ".base.aof");
  return blobNew(text.data, text.length);
}
/** appendonly.aof.N.incr.aof, with the next number. */
export function nextIncrName(): usize {
  begin("");
  putByte(text, 46);
  putInt(text, incrSeq + 1);
  putText(text, ".incr.aof");
  return blobNew(text.data, text.length);
}

/** Turns every INCR but the last `keep` ones and the BASE into history. */
export function markHistory(keep: i32): void {
  let incr = fileCountOf(TYPE_INCR) - keep;
  for (let i = 0; i < fileCount; i++) {
    const f = fileAt(i);
    if (<u32>f.type == TYPE_BASE) f.type = <u16>TYPE_HISTORY;
    else if (<u32>f.type == TYPE_INCR && incr > 0) {
      incr--;
      f.type = <u16>TYPE_HISTORY;
    }
  }
}

function putFiles(b: Builder, type: u32): void {
  for (let i = 0; i < fileCount; i++) {
    const f = fileAt(i);
    if (<u32>f.type != type) continue;
    putText(b, "file ");
    const p = blobData(f.name);
    const n = blobLength(f.name);
    let plain = n > 0;
    for (let k: u32 = 0; k < n; k++) {
      const ch: u32 = load<u8>(p + k);
      if (ch <= 32 || ch >= 127 || ch == 34 || ch == 39 || ch == 92) plain = false;
    }
    if (plain) putBytes(b, p, n);
    else putQuoted(b, p, n);
    putText(b, " seq ");
    putInt(b, f.seq);
    putText(b, " type ");
    putByte(b, type);
    putByte(b, 10);
  }
}
/** The manifest as text. */
export function putManifest(b: Builder): void {
  putFiles(b, TYPE_BASE);
  putFiles(b, TYPE_HISTORY);
  putFiles(b, TYPE_INCR);
}

/** The line at which `parseManifest` gave up: text and number (0: none). */
export let badLinePtr: usize = 0;
export let badLineLen: u32 = 0;
export let badLineNumber: i32 = 0;

/** Reads a manifest; answers "" or what is wrong with it. Files read before the bad line stay added. */
export function parseManifest(p: usize, n: u32): string {
  const end = p + n;
  badLineNumber = 0;
  if (!n) return "Found an empty AOF manifest";
  let maxSeq: i64 = 0;
  while (p < end) {
    badLineNumber++;
    let stop = p;
    while (stop < end && load<u8>(stop) != 10) stop++;
    const line = p;
    const length = <u32>(stop - p);
    p = stop + 1;
    badLinePtr = line;
    badLineLen = length;
    if (length && load<u8>(line) == 35) continue;
    if (stop == end || length > 1023) return "The AOF manifest file contains too long line";
    if (!splitWords(line, stop) || wordCount < 6 || wordCount & 1) return "Invalid AOF manifest file format";
    let name: usize = 0;
    let seq: i64 = 0;
    let type: u32 = 0;
    for (let i = 0; i < wordCount; i += 2) {
      if (equalWord(wordAt(i), wordSize(i), "file")) {
        if (name) free(name);
        name = blobNew(wordAt(i + 1), wordSize(i + 1));
        for (let k: u32 = 0; k < blobLength(name); k++) {
          const ch = load<u8>(blobData(name) + k);
          if (ch == 47 || ch == 92) return "File can't be a path, just a filename";
        }
      } else if (equalWord(wordAt(i), wordSize(i), "seq")) {
        seq = parseI64(wordAt(i + 1), wordSize(i + 1)) ? parsedI64 : 0;
      } else if (equalWord(wordAt(i), wordSize(i), "type")) {
        type = wordSize(i + 1) ? load<u8>(wordAt(i + 1)) : 0;
      }
    }
    if (!name || !blobLength(name) || !seq || !type) return "Invalid AOF manifest file format";
    if (type == TYPE_BASE) {
      if (fileLast(TYPE_BASE)) return "Found duplicate base file information";
    } else if (type == TYPE_INCR) {
      if (seq <= maxSeq) return "Found a non-monotonic sequence number";
      maxSeq = seq;
    } else if (type != TYPE_HISTORY) return "Unknown AOF file type";
    if (fileCount >= FILES_MAX) return "Too many files in the AOF manifest";
    fileAdd(name, type, seq);
  }
  return "";
}

