/**
 * Parsing and printing of one configuration parameter's value, with Redis' messages.
 *
 * `paramSet` leaves the reason of a refusal in `problem`. Values of several words come as one text; words are
 * separated by blanks.
 */
import { free, alloc } from "../lib/raw/alloc";
import { Builder, putByte, putBytes, putFixed, putInt, putText, builderReset } from "../lib/raw/builder";
import { blobData, blobFree, blobLength, blobNew, copy, equalWord, lower } from "../lib/raw/bytes";
import {
  PARAM_BOOL,
  PARAM_DIR,
  PARAM_ENUM,
  PARAM_FLAGS,
  PARAM_INT,
  PARAM_MEMORY,
  PARAM_NOTIFY,
  PARAM_OCTAL,
  PARAM_OOM_SCORE,
  PARAM_OUTPUT_LIMITS,
  PARAM_PERCENT,
  PARAM_PERCENTILES,
  PARAM_SAVE,
  PARAM_TEXT,
  PARAM_UNSIGNED,
  Param,
  blobSame,
  paramRead,
  paramText,
  paramWrite,
  percentiles,
  saveText,
} from "./config-table";
import { keyspaceEventsFlags, putKeyspaceEvents } from "./notify";
import { parseF64, parsedF64 } from "./double";
import { parseI64, parsedI64 } from "../lib/raw/number";
import { Config, cfg, loading } from "./server";
import { sys_chdir, sys_getcwd } from "../lib/sys";
import { putErrno } from "../lib/raw/errno-text";

export const SET_REFUSED: i32 = 0;
export const SET_CHANGED: i32 = 1;
export const SET_SAME: i32 = 2;

/** Why the last `paramSet` refused. */
export const problem: Builder = changetype<Builder>(memory.data(16, 16));
function refuse(text: string): i32 {
  builderReset(problem);
  putText(problem, text);
  return SET_REFUSED;
}

// --- words ---------------------------------------------------------------------------------------------
/** The word found by `nextWord`. */
export let wordPtr: usize = 0;
export let wordLen: u32 = 0;
/** Finds the next blank-separated word from `at` on; answers where to go on, 0 when there is none. */
export function nextWord(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) == 32) at++;
  if (at >= end) return 0;
  wordPtr = at;
  while (at < end && load<u8>(at) != 32) at++;
  wordLen = <u32>(at - wordPtr);
  return at;
}
function countWords(p: usize, n: u32): i32 {
  let count = 0;
  const end = p + n;
  for (let at = nextWord(p, end); at; at = nextWord(at, end)) count++;
  return count;
}

// --- numbers -------------------------------------------------------------------------------------------
export let memoryValue: i64 = 0;
/** A size with a unit, as Redis' memtoull: 100, 100b, 1k (1000), 1kb (1024), m, mb, g, gb. */
export function parseMemory(p: usize, n: u32): bool {
  let i: u32 = 0;
  let v: u64 = 0;
  while (i < n) {
    const d: u32 = <u32>load<u8>(p + i) - 48;
    if (d > 9) break;
    if (v > 922337203685477579) return false;
    v = v * 10 + d;
    i++;
  }
  const u = p + i;
  const left = n - i;
  let unit: u64 = 1;
  if (left == 0 || equalWord(u, left, "b")) unit = 1;
  else if (equalWord(u, left, "k")) unit = 1000;
  else if (equalWord(u, left, "kb")) unit = 1024;
  else if (equalWord(u, left, "m")) unit = 1000000;
  else if (equalWord(u, left, "mb")) unit = 1048576;
  else if (equalWord(u, left, "g")) unit = 1000000000;
  else if (equalWord(u, left, "gb")) unit = 1073741824;
  else return false;
  if (i == 0) return false;
  if (unit > 1 && v > 0x7fffffffffffffff / unit) return false;
  memoryValue = <i64>(v * unit);
  return true;
}

function parseNumber(p: Param, at: usize, n: u32): i32 {
  let value: i64 = 0;
  let ok = false;
  if (p.flags & PARAM_MEMORY && parseMemory(at, n)) {
    value = memoryValue;
    ok = true;
  }
  if (!ok && p.flags & PARAM_PERCENT && n > 1 && load<u8>(at + n - 1) == 37 && parseI64(at, n - 1) && parsedI64 >= 0) {
    value = -parsedI64;
    ok = true;
  }
  if (!ok && p.flags & PARAM_OCTAL) {
    ok = n > 0 && n < 12;
    for (let i: u32 = 0; i < n && ok; i++) {
      const d: u32 = <u32>load<u8>(at + i) - 48;
      if (d > 7) ok = false;
      value = value * 8 + d;
    }
  }
  if (!ok && !(p.flags & (PARAM_MEMORY | PARAM_PERCENT | PARAM_OCTAL)) && parseI64(at, n)) {
    value = parsedI64;
    ok = true;
  }
  if (!ok) {
    if (p.flags & PARAM_MEMORY) return refuse(p.flags & PARAM_PERCENT ? "argument must be a memory or percent value" : "argument must be a memory value");
    return refuse(p.flags & PARAM_OCTAL ? "argument couldn't be parsed as an octal number" : "argument couldn't be parsed into an integer");
  }
  if (p.flags & PARAM_PERCENT && value < 0) {
    if (value < p.low) {
      refuse("percentage argument must be less or equal to ");
      putInt(problem, -p.low);
      return SET_REFUSED;
    }
  } else if (value < p.low || value > p.high || (p.flags & PARAM_UNSIGNED && value < 0)) {
    refuse("argument must be between ");
    putInt(problem, p.low);
    putText(problem, " and ");
    putInt(problem, p.high);
    putText(problem, " inclusive");
    return SET_REFUSED;
  }
  if (paramRead(p) == value) return SET_SAME;
  paramWrite(p, value);
  return SET_CHANGED;
}

// --- enums -----------------------------------------------------------------------------------------------
let enumName: usize = 0; // UTF-16 position of the pair found
let enumLength: i32 = 0;
let enumValue: i32 = 0;
/** Steps through "name:value name:value"; `at` is a position in UTF-16 units; answers the next position, -1 at the end. */
function enumNext(words: string, at: i32): i32 {
  if (at >= words.length) return -1;
  enumName = changetype<usize>(words) + (<usize>at << 1);
  let i = at;
  while (load<u16>(changetype<usize>(words) + (<usize>i << 1)) != 58) i++;
  enumLength = i - at;
  i++;
  let v = 0;
  while (i < words.length) {
    const ch: i32 = load<u16>(changetype<usize>(words) + (<usize>i << 1));
    i++;
    if (ch == 32) break;
    v = v * 10 + ch - 48;
  }
  enumValue = v;
  return i;
}
function enumMatches(p: usize, n: u32): bool {
  if (<i32>n != enumLength) return false;
  for (let i: usize = 0; i < n; i++) {
    if (lower(load<u8>(p + i)) != <u32>load<u16>(enumName + (i << 1))) return false;
  }
  return true;
}
function putEnumName(b: Builder): void {
  for (let i = 0; i < enumLength; i++) putByte(b, load<u16>(enumName + (<usize>i << 1)));
}
function enumFind(words: string, p: usize, n: u32): bool {
  for (let at = enumNext(words, 0); at >= 0; at = enumNext(words, at)) {
    if (enumMatches(p, n)) return true;
  }
  return false;
}
function refuseEnum(words: string): i32 {
  refuse("argument(s) must be one of the following: ");
  let first = true;
  for (let at = enumNext(words, 0); at >= 0; at = enumNext(words, at)) {
    if (!first) putText(problem, ", ");
    first = false;
    putEnumName(problem);
  }
  return SET_REFUSED;
}
function setEnum(p: Param, at: usize, n: u32): i32 {
  const words = changetype<string>(p.words);
  let value = 0;
  if (p.kind == PARAM_ENUM) {
    if (!enumFind(words, at, n)) return refuseEnum(words);
    value = enumValue;
  } else {
    const end = at + n;
    let count = 0;
    for (let q = nextWord(at, end); q; q = nextWord(q, end)) {
      if (!enumFind(words, wordPtr, wordLen)) return refuseEnum(words);
      // A word of value 0 ("default") stands alone.
      if (enumValue == 0 && (count || nextWord(q, end))) return refuseEnum(words);
      value |= enumValue;
      count++;
    }
    if (!count) return refuseEnum(words);
    if ((value & 3) == 3) return refuse("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  if (paramRead(p) == value) return SET_SAME;
  paramWrite(p, value);
  return SET_CHANGED;
}

// --- texts -------------------------------------------------------------------------------------------------
/** Replaces a blob kept at `slot`; the empty text is 0. */
export function slotSetText(slot: usize, p: usize, n: u32): i32 {
  const old = load<usize>(slot);
  if (blobSame(old, p, n)) return SET_SAME;
  const fresh = n ? blobNew(p, n) : 0;
  store<usize>(slot, fresh);
  if (old) blobFree(old);
  return SET_CHANGED;
}
function hasSlash(p: usize, n: u32): bool {
  for (let i: u32 = 0; i < n; i++) {
    const ch = load<u8>(p + i);
    if (ch == 47 || ch == 92) return true;
  }
  return false;
}
function setText(p: Param, at: usize, n: u32): i32 {
  if (n > 65536) return refuse("argument is too long");
  const name = changetype<string>(p.name);
  if (name == "dbfilename" && hasSlash(at, n)) return refuse("dbfilename can't be a path, just a filename");
  if (name == "appendfilename") {
    if (!n) return refuse("appendfilename can't be empty");
    if (hasSlash(at, n)) return refuse("appendfilename can't be a path, just a filename");
  }
  if (name == "appenddirname") {
    if (!n) return refuse("appenddirname can't be empty");
    if (hasSlash(at, n)) return refuse("appenddirname can't be a path, just a dirname");
  }
  if (name == "replicaof" && n) return refuse("replication is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis)");
  return slotSetText(p.slot, at, n);
}

// --- the special ones -----------------------------------------------------------------------------------------
function setSave(at: usize, n: u32): i32 {
  const count = countWords(at, n);
  if (count & 1) return refuse("Invalid save parameters");
  const end = at + n;
  let index = 0;
  for (let q = nextWord(at, end); q; q = nextWord(q, end), index++) {
    if (!parseI64(wordPtr, wordLen) || (index & 1 ? parsedI64 < 0 : parsedI64 < 1)) return refuse("Invalid save parameters");
  }
  return slotSetText(saveText, at, n);
}

function setOutputLimits(at: usize, n: u32): i32 {
  const count = countWords(at, n);
  if (!count || count % 4) return refuse("Wrong number of arguments in buffer limit configuration.");
  const base = changetype<usize>(cfg) + offsetof<Config>("obufHard0");
  const fresh = memory.data(72, 8);
  memory.copy(fresh, base, 72);
  const end = at + n;
  let q = at;
  for (let group = 0; group < count / 4; group++) {
    q = nextWord(q, end);
    let cls = -1;
    if (equalWord(wordPtr, wordLen, "normal")) cls = 0;
    else if (equalWord(wordPtr, wordLen, "replica") || equalWord(wordPtr, wordLen, "slave")) cls = 1;
    else if (equalWord(wordPtr, wordLen, "pubsub")) cls = 2;
    if (cls < 0) return refuse("Invalid client class specified in buffer limit configuration.");
    const bad = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    q = nextWord(q, end);
    if (!parseMemory(wordPtr, wordLen)) return refuse(bad);
    store<i64>(fresh + <usize>cls * 24, memoryValue);
    q = nextWord(q, end);
    if (!parseMemory(wordPtr, wordLen)) return refuse(bad);
    store<i64>(fresh + <usize>cls * 24 + 8, memoryValue);
    q = nextWord(q, end);
    if (!parseI64(wordPtr, wordLen) || parsedI64 < 0) return refuse(bad);
    store<i64>(fresh + <usize>cls * 24 + 16, parsedI64);
  }
  memory.copy(base, fresh, 72);
  return SET_CHANGED;
}

function setPercentiles(at: usize, n: u32): i32 {
  const end = at + n;
  const fresh = memory.data(8 * 33, 16);
  let count: u32 = 0;
  for (let q = nextWord(at, end); q; q = nextWord(q, end)) {
    if (count == 32 || !parseF64(wordPtr, wordLen)) return refuse("Invalid latency-tracking-info-percentiles parameters");
    if (!(parsedF64 >= 0 && parsedF64 <= 100)) return refuse("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    count++;
    store<f64>(fresh + (<usize>count << 3), parsedF64);
  }
  store<u32>(fresh, count);
  memory.copy(percentiles, fresh, 8 * 33);
  return SET_CHANGED;
}

function setOomScores(p: Param, at: usize, n: u32): i32 {
  if (countWords(at, n) != 3) return refuse("wrong number of arguments");
  const end = at + n;
  for (let q = nextWord(at, end); q; q = nextWord(q, end)) {
    if (!parseI64(wordPtr, wordLen) || parsedI64 < -2000 || parsedI64 > 2000) {
      return refuse("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
  }
  return slotSetText(p.slot, at, n);
}

function setDir(p: Param, at: usize, n: u32): i32 {
  const r = sys_chdir(at, n);
  if (r < 0) {
    builderReset(problem);
    putErrno(problem, r);
    return SET_REFUSED;
  }
  return slotSetText(p.slot, at, n);
}

/** Gives a parameter a new value; SET_REFUSED leaves it as it was. Nothing is applied yet. */
export function paramSet(p: Param, at: usize, n: u32): i32 {
  switch (p.kind) {
    case PARAM_BOOL: {
      let value = 0;
      if (equalWord(at, n, "yes")) value = 1;
      else if (!equalWord(at, n, "no")) return refuse("argument must be 'yes' or 'no'");
      if (paramRead(p) == value) return SET_SAME;
      paramWrite(p, value);
      return SET_CHANGED;
    }
    case PARAM_INT:
      return parseNumber(p, at, n);
    case PARAM_TEXT:
      return setText(p, at, n);
    case PARAM_ENUM:
    case PARAM_FLAGS:
      return setEnum(p, at, n);
    case PARAM_SAVE:
      return setSave(at, n);
    case PARAM_OUTPUT_LIMITS:
      return setOutputLimits(at, n);
    case PARAM_NOTIFY: {
      const flags = keyspaceEventsFlags(at, n);
      if (flags < 0) return refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
      store<i32>(p.slot, flags);
      return SET_CHANGED;
    }
    case PARAM_PERCENTILES:
      return setPercentiles(at, n);
    case PARAM_OOM_SCORE:
      return setOomScores(p, at, n);
    default:
      return setDir(p, at, n);
  }
}

const pathBuffer = memory.data(4096, 16);

/** Appends a parameter's value as CONFIG GET shows it. */
export function putParam(b: Builder, p: Param): void {
  switch (p.kind) {
    case PARAM_BOOL:
      putText(b, paramRead(p) ? "yes" : "no");
      return;
    case PARAM_INT: {
      const v = paramRead(p);
      if (p.flags & PARAM_PERCENT && v < 0) {
        putInt(b, -v);
        putByte(b, 37);
      } else if (p.flags & PARAM_OCTAL) {
        let at: u32 = 1;
        while (<i64>at * 8 <= v) at *= 8;
        for (; at; at /= 8) putByte(b, 48 + ((<u32>v / at) & 7));
      } else putInt(b, v);
      return;
    }
    case PARAM_ENUM: {
      const words = changetype<string>(p.words);
      const v = <i32>paramRead(p);
      for (let at = enumNext(words, 0); at >= 0; at = enumNext(words, at)) {
        if (enumValue == v) {
          putEnumName(b);
          return;
        }
      }
      return;
    }
    case PARAM_FLAGS: {
      const words = changetype<string>(p.words);
      const v = <i32>paramRead(p);
      let first = true;
      for (let at = enumNext(words, 0); at >= 0; at = enumNext(words, at)) {
        if (v == enumValue || (enumValue && (v & enumValue) == enumValue)) {
          if (!first) putByte(b, 32);
          first = false;
          putEnumName(b);
          if (v == enumValue) return;
        }
      }
      return;
    }
    case PARAM_OUTPUT_LIMITS: {
      const base = changetype<usize>(cfg) + offsetof<Config>("obufHard0");
      for (let cls: usize = 0; cls < 3; cls++) {
        putText(b, cls == 0 ? "normal " : cls == 1 ? " slave " : " pubsub ");
        putInt(b, load<i64>(base + cls * 24));
        putByte(b, 32);
        putInt(b, load<i64>(base + cls * 24 + 8));
        putByte(b, 32);
        putInt(b, load<i64>(base + cls * 24 + 16));
      }
      return;
    }
    case PARAM_NOTIFY:
      putKeyspaceEvents(b, load<i32>(p.slot));
      return;
    case PARAM_PERCENTILES: {
      const count = load<u32>(percentiles);
      for (let i: u32 = 1; i <= count; i++) {
        if (i > 1) putByte(b, 32);
        putTrimmed(b, load<f64>(percentiles + (<usize>i << 3)));
      }
      return;
    }
    case PARAM_DIR: {
      const n = sys_getcwd(pathBuffer, 4096);
      if (n > 0) putBytes(b, pathBuffer, n);
      return;
    }
    default: {
      const blob = paramText(p);
      if (blob) putBytes(b, blobData(blob), blobLength(blob));
    }
  }
}

/** %f without trailing zeros, as Redis' trimDoubleString. */
export function putTrimmed(b: Builder, value: f64): void {
  const from = b.length;
  putFixed(b, value, 6);
  if (b.failed) return;
  while (b.length > from && load<u8>(b.data + b.length - 1) == 48) b.length--;
  if (b.length > from && load<u8>(b.data + b.length - 1) == 46) b.length--;
}
