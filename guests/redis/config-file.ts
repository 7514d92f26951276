/**
 * Configuration at boot (arguments and file) and CONFIG REWRITE.
 *
 * The arguments are turned into lines of a configuration file that follow those of the file named by the first argument, as
 * Redis does it: `redis /data/redis.conf --port 7000 --save ""`. A bad line ends the guest with Redis' message.
 */
import {
  sys_arg_copy,
  sys_arg_count,
  sys_arg_length,
  sys_chdir,
  sys_close,
  sys_exit_group,
  sys_fsync,
  sys_getcwd,
  sys_mkdirat,
  sys_openat,
  sys_read,
  sys_renameat,
  sys_unlinkat,
  sys_write,
} from "../lib/sys";
import { alloc, free } from "./alloc";
import { Builder, builderReset, builderRoom, putByte, putBytes, putInt, putText } from "./builder";
import { blobData, blobLength, blobNew, equalWord } from "./bytes";
import {
  APPLY_CLUSTER,
  PARAM_MULTI,
  PARAM_SAVE,
  PARAM_BOOL,
  PARAM_ENUM,
  PARAM_FLAGS,
  PARAM_INT,
  PARAM_NOTIFY,
  PARAM_OUTPUT_LIMITS,
  Param,
  configTableInit,
  paramAt,
  paramCount,
  paramFind,
  paramRead,
  saveText,
} from "./config-table";
import { SET_REFUSED, paramSet, problem, putParam } from "./config-value";
import { putErrno } from "./errno-text";
import { LOG_WARNING, cfg, log } from "./server";

const AT_FDCWD: i32 = -100;
const O_RDONLY: i32 = 0;
const O_WRONLY_CREATE_TRUNCATE: i32 = 0x241;

function builder(): Builder {
  const b = changetype<Builder>(alloc(16));
  memory.fill(changetype<usize>(b), 0, 16);
  return b;
}

/** Blob: the configuration file's path, or 0. */
export let configFile: usize = 0;

// --- words with quotes ------------------------------------------------------------------------------------------
const words: Builder = changetype<Builder>(memory.data(16, 16)); // bytes of all words of a line
const WORDS_MAX: i32 = 128;
const wordTable = memory.data(WORDS_MAX * 8, 16); // offset, length
export let wordCount: i32 = 0;
export function wordAt(i: i32): usize {
  return words.data + load<u32>(wordTable + (<usize>i << 3));
}
export function wordSize(i: i32): u32 {
  return load<u32>(wordTable + (<usize>i << 3), 4);
}
function isSpace(ch: u32): bool {
  return ch == 32 || (ch >= 9 && ch <= 13) || ch == 0;
}
function hexDigit(ch: u32): i32 {
  if (ch - 48 < 10) return ch - 48;
  ch |= 32;
  return ch - 97 < 6 ? ch - 87 : -1;
}
/** Splits a line as Redis' sdssplitargs: "..." with escapes, '...'; false when quotes are not closed. */
export function splitWords(p: usize, end: usize): bool {
  builderReset(words);
  builderRoom(words, <u32>(end - p) + 16);
  wordCount = 0;
  while (true) {
    while (p < end && isSpace(load<u8>(p))) p++;
    if (p >= end) return true;
    if (wordCount == WORDS_MAX) return false;
    store<u32>(wordTable + (<usize>wordCount << 3), words.length);
    const from = words.length;
    let quote: u32 = 0;
    while (true) {
      if (p >= end) {
        if (quote) return false;
        break;
      }
      const ch: u32 = load<u8>(p);
      if (quote == 34) {
        if (ch == 92 && p + 3 < end && load<u8>(p + 1) == 120 && hexDigit(load<u8>(p + 2)) >= 0 && hexDigit(load<u8>(p + 3)) >= 0) {
          putByte(words, (hexDigit(load<u8>(p + 2)) << 4) | hexDigit(load<u8>(p + 3)));
          p += 4;
          continue;
        }
        if (ch == 92 && p + 1 < end) {
          const e: u32 = load<u8>(p + 1);
          putByte(words, e == 110 ? 10 : e == 114 ? 13 : e == 116 ? 9 : e == 98 ? 8 : e == 97 ? 7 : e);
          p += 2;
          continue;
        }
        p++;
        if (ch == 34) {
          if (p < end && !isSpace(load<u8>(p))) return false;
          break;
        }
        putByte(words, ch);
        continue;
      }
      if (quote == 39) {
        if (ch == 92 && p + 1 < end && load<u8>(p + 1) == 39) {
          putByte(words, 39);
          p += 2;
          continue;
        }
        p++;
        if (ch == 39) {
          if (p < end && !isSpace(load<u8>(p))) return false;
          break;
        }
        putByte(words, ch);
        continue;
      }
      if (isSpace(ch)) break;
      p++;
      if (ch == 34 || ch == 39) quote = ch;
      else putByte(words, ch);
    }
    store<u32>(wordTable + (<usize>wordCount << 3), words.length - from, 4);
    wordCount++;
  }
}

/** Appends bytes as a quoted word, as Redis' sdscatrepr. */
export function putQuoted(b: Builder, p: usize, n: u32): void {
  putByte(b, 34);
  for (let i: u32 = 0; i < n; i++) {
    const ch: u32 = load<u8>(p + i);
    if (ch == 92 || ch == 34) {
      putByte(b, 92);
      putByte(b, ch);
    } else if (ch == 10) putText(b, "\\n");
    else if (ch == 13) putText(b, "\\r");
    else if (ch == 9) putText(b, "\\t");
    else if (ch >= 32 && ch < 127) putByte(b, ch);
    else {
      putText(b, "\\x");
      const high = ch >> 4;
      const low = ch & 15;
      putByte(b, high < 10 ? 48 + high : 87 + high);
      putByte(b, low < 10 ? 48 + low : 87 + low);
    }
  }
  putByte(b, 34);
}

// --- reading --------------------------------------------------------------------------------------------------------
function fatal(line: i32, p: usize, n: u32): void {
  const b = builder();
  putText(b, "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n");
  if (line) {
    putText(b, "Reading the configuration file, at line ");
    putInt(b, line);
    putText(b, "\n>>> '");
    putBytes(b, p, n);
    putText(b, "'\n");
  }
  putBytes(b, problem.data, problem.length);
  putByte(b, 10);
  sys_write(2, b.data, b.length);
  sys_exit_group(1);
}
function say(text: string): void {
  builderReset(problem);
  putText(problem, text);
}

/** Appends a whole file; false (reason in `problem`) when it cannot be read. */
function readFile(into: Builder, path: usize, n: u32): bool {
  const fd = sys_openat(AT_FDCWD, path, n, O_RDONLY, 0);
  let r = fd;
  while (r >= 0) {
    if (!builderRoom(into, 65536)) {
      r = -12;
      break;
    }
    r = sys_read(fd, into.data + into.length, 65536);
    if (r <= 0) break;
    into.length += r;
  }
  if (fd >= 0) sys_close(fd);
  if (r >= 0) return true;
  builderReset(problem);
  putText(problem, "Fatal error, can't open config file '");
  putBytes(problem, path, n);
  putText(problem, "': ");
  putErrno(problem, r);
  return false;
}

const joined: Builder = changetype<Builder>(memory.data(16, 16));
let saveSeen: bool = false;

/** One line that is split into words; false with the reason in `problem`. */
function directive(): bool {
  const name = wordAt(0);
  const n = wordSize(0);
  const found = paramFind(name, n);
  if (found) {
    const p = changetype<Param>(found);
    if (!(p.flags & PARAM_MULTI) && wordCount != 2) {
      say("wrong number of arguments");
      return false;
    }
    if (wordCount < 2) {
      say("wrong number of arguments");
      return false;
    }
    builderReset(joined);
    if (p.kind == PARAM_SAVE) {
      // Each "save" line adds points; an empty one drops what was there.
      const old = load<usize>(saveText);
      if (saveSeen && old && wordSize(1)) putBytes(joined, blobData(old), blobLength(old));
      saveSeen = true;
    }
    for (let i = 1; i < wordCount; i++) {
      if (joined.length) putByte(joined, 32);
      putBytes(joined, wordAt(i), wordSize(i));
    }
    if (paramSet(p, joined.data, joined.length) == SET_REFUSED) return false;
    if (p.apply == APPLY_CLUSTER && paramRead(p)) {
      say("cluster mode is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis)");
      return false;
    }
    return true;
  }
  if (equalWord(name, n, "include") && wordCount == 2) {
    const path = blobNew(wordAt(1), wordSize(1));
    const text = builder();
    const ok = readFile(text, blobData(path), blobLength(path));
    if (ok) lines(text);
    free(path);
    free(text.data);
    free(changetype<usize>(text));
    return ok;
  }
  if (equalWord(name, n, "list-max-ziplist-entries") || equalWord(name, n, "list-max-ziplist-value") || equalWord(name, n, "lua-replicate-commands")) {
    return true; // obsolete, ignored by Redis too
  }
  if (
    equalWord(name, n, "rename-command") ||
    equalWord(name, n, "user") ||
    equalWord(name, n, "loadmodule") ||
    equalWord(name, n, "sentinel")
  ) {
    builderReset(problem);
    putText(problem, "'");
    putBytes(problem, name, n);
    putText(problem, "' is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis)");
    return false;
  }
  say("Bad directive or wrong number of arguments");
  return false;
}

function lines(text: Builder): void {
  let at = text.data;
  const end = text.data + text.length;
  let number = 0;
  while (at < end) {
    number++;
    let stop = at;
    while (stop < end && load<u8>(stop) != 10) stop++;
    let from = at;
    let to = stop;
    while (from < to && isSpace(load<u8>(from))) from++;
    while (to > from && isSpace(load<u8>(to - 1))) to--;
    at = stop + 1;
    if (from == to || load<u8>(from) == 35) continue;
    if (!splitWords(from, to)) say("Unbalanced quotes in configuration line");
    else if (wordCount == 0 || directive()) continue;
    fatal(number, from, <u32>(to - from));
  }
}

function argumentLines(text: Builder, first: i32): void {
  const count = sys_arg_count();
  let complete = true; // the option before has a value
  for (let i = first; i < count; i++) {
    const n = sys_arg_length(i);
    const p = alloc(n + 1);
    sys_arg_copy(i, p, n);
    if (complete && n > 2 && load<u16>(p) == 0x2d2d) {
      if (text.length) putByte(text, 10);
      putBytes(text, p + 2, n - 2);
      putByte(text, 32);
      complete = false;
      for (let k = 2; k < n; k++) {
        if (load<u8>(p + k) == 32) complete = true; // name and value in one argument
      }
      // "--save" with nothing behind it means the empty list.
      if (!complete && equalWord(p, n, "--save")) {
        const next = i + 1 < count ? sys_arg_length(i + 1) : 0;
        let option = i + 1 >= count;
        if (next > 2) {
          const q = alloc(next);
          sys_arg_copy(i + 1, q, next);
          option = load<u16>(q) == 0x2d2d;
          free(q);
        }
        if (option) {
          putText(text, '""');
          complete = true;
        }
      }
    } else {
      putQuoted(text, p, n);
      putByte(text, 32);
      complete = true;
    }
    free(p);
  }
}

/** A path that stays right after `dir` was entered, as a blob. */
function absolute(p: usize, n: u32): usize {
  if (load<u8>(p) == 47) return blobNew(p, n);
  const b = builder();
  builderRoom(b, 4096);
  const length = sys_getcwd(b.data, 4096);
  if (length > 0) b.length = length;
  if (length != 1) putByte(b, 47); // the root is its own slash
  putBytes(b, p, n);
  const blob = blobNew(b.data, b.length);
  free(b.data);
  free(changetype<usize>(b));
  return blob;
}

/** Fills in defaults, then file and arguments, and enters the data folder. Ends the guest on an error. Called once, first of all. */
export function configBoot(): void {
  configTableInit();
  const text = builder();
  let first = 1;
  if (sys_arg_count() > 1) {
    const n = sys_arg_length(1);
    const p = alloc(n + 1);
    sys_arg_copy(1, p, n);
    if (n && load<u8>(p) != 45) {
      configFile = absolute(p, n);
      first = 2;
      if (!readFile(text, p, n)) {
        log(LOG_WARNING, "can't read the configuration");
        fatal(0, 0, 0);
      }
      putByte(text, 10);
    }
    free(p);
  }
  lines(text);
  builderReset(text);
  argumentLines(text, first);
  lines(text);
  free(text.data);
  free(changetype<usize>(text));
  if (cfg.hz < 1) cfg.hz = 1;
  if (cfg.hz > 500) cfg.hz = 500;
  if (cfg.aofUseRdbPreamble) {
    cfg.aofUseRdbPreamble = 0;
    log(LOG_WARNING, "aof-use-rdb-preamble is ignored: the 'redis' image writes the append-only file as commands only.");
  }
  if (load<usize>(saveText)) {
    log(LOG_WARNING, "save is ignored: the 'redis' image has no RDB snapshots. Use appendonly yes, or boot the 'redis-server' image.");
  }
  enterFolder();
}

/** Enters `dir`; the default folder is made if it is missing. */
function enterFolder(): void {
  const dir = cfg.dir;
  let r = sys_chdir(blobData(dir), blobLength(dir));
  if (r == -2) {
    sys_mkdirat(AT_FDCWD, blobData(dir), blobLength(dir), 0x1ed);
    r = sys_chdir(blobData(dir), blobLength(dir));
  }
  if (r < 0) {
    builderReset(problem);
    putText(problem, "Can't chdir to '");
    putBytes(problem, blobData(dir), blobLength(dir));
    putText(problem, "': ");
    putErrno(problem, r);
    fatal(0, 0, 0);
  }
}

// --- REWRITE ------------------------------------------------------------------------------------------------------------
const SIGNATURE: string = "# Generated by CONFIG REWRITE";
const value: Builder = changetype<Builder>(memory.data(16, 16));
const original: Builder = changetype<Builder>(memory.data(16, 16));

/** The value that a parameter has when nothing is said, for "write only what differs". */
function isDefault(p: Param): bool {
  if (p.kind == PARAM_BOOL || p.kind == PARAM_INT || p.kind == PARAM_ENUM || p.kind == PARAM_FLAGS || p.kind == PARAM_NOTIFY) {
    return paramRead(p) == p.fallback;
  }
  builderReset(value);
  putParam(value, p);
  builderReset(original);
  if (p.kind == PARAM_OUTPUT_LIMITS) putText(original, "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  else if (equalName(p, "oom-score-adj-values")) putText(original, "0 200 800");
  else if (equalName(p, "latency-tracking-info-percentiles")) putText(original, "50 99 99.9");
  else if (equalName(p, "dir")) return true;
  else if (p.fallbackText) putText(original, changetype<string>(p.fallbackText));
  return value.length == original.length && memory.compare(value.data, original.data, value.length) == 0;
}
function equalName(p: Param, name: string): bool {
  return changetype<string>(p.name) == name;
}

function putDirective(out: Builder, p: Param): void {
  putText(out, changetype<string>(p.name));
  builderReset(value);
  putParam(value, p);
  putByte(out, 32);
  let plain = value.length > 0;
  for (let i: u32 = 0; i < value.length; i++) {
    const ch: u32 = load<u8>(value.data + i);
    if (ch <= 32 || ch >= 127 || ch == 34 || ch == 39 || ch == 92) plain = false;
  }
  if (plain || (p.flags & PARAM_MULTI && value.length)) putBytes(out, value.data, value.length);
  else putQuoted(out, value.data, value.length);
  putByte(out, 10);
}

/**
 * Writes the values in use into the configuration file: a line that names a parameter gets its value, comments and other lines
 * stay, parameters that differ from their default and are not mentioned are appended. False with the reason in `problem`.
 */
export function configRewrite(): bool {
  if (!configFile) {
    putText(problem, "The server is running without a config file");
    return false;
  }
  const old = builder();
  const out = builder();
  const done = alloc(paramCount);
  memory.fill(done, 0, paramCount);
  // A missing file is made anew.
  readFile(old, blobData(configFile), blobLength(configFile));
  let signed = false;
  let at = old.data;
  const end = old.data + old.length;
  while (at < end) {
    let stop = at;
    while (stop < end && load<u8>(stop) != 10) stop++;
    const n = <u32>(stop - at);
    let keep = true;
    if (n >= <u32>SIGNATURE.length && matches(at, SIGNATURE)) signed = true;
    if (n && load<u8>(at) != 35 && splitWords(at, stop) && wordCount > 1) {
      const found = paramFind(wordAt(0), wordSize(0));
      if (found) {
        keep = false;
        const i = <usize>(found - changetype<usize>(paramAt(0))) / (changetype<usize>(paramAt(1)) - changetype<usize>(paramAt(0)));
        if (!load<u8>(done + i)) putDirective(out, changetype<Param>(found));
        store<u8>(done + i, 1);
      }
    }
    if (keep) {
      putBytes(out, at, n);
      putByte(out, 10);
    }
    at = stop + 1;
  }
  for (let i = 0; i < paramCount; i++) {
    const p = paramAt(i);
    if (load<u8>(done + i) || isDefault(p)) continue;
    if (!signed) {
      putText(out, SIGNATURE);
      putByte(out, 10);
      signed = true;
    }
    putDirective(out, p);
  }
  free(done);
  const r = replaceFile(out);
  free(old.data);
  free(changetype<usize>(old));
  free(out.data);
  free(changetype<usize>(out));
  if (r >= 0) return true;
  builderReset(problem);
  putText(problem, "Rewriting config file: ");
  putErrno(problem, r);
  return false;
}
function matches(p: usize, text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (<u32>load<u8>(p + i) != <u32>text.charCodeAt(i)) return false;
  }
  return true;
}

/** Writes beside the file and renames over it; 0 or a negated errno. */
function replaceFile(out: Builder): i32 {
  if (out.failed) return -12;
  const path = builder();
  putBytes(path, blobData(configFile), blobLength(configFile));
  putText(path, ".tmp");
  const fd = sys_openat(AT_FDCWD, path.data, path.length, O_WRONLY_CREATE_TRUNCATE, 0x1a4);
  let r = fd;
  if (fd >= 0) {
    let written: u32 = 0;
    while (written < out.length) {
      r = sys_write(fd, out.data + written, out.length - written);
      if (r < 0) break;
      written += r;
    }
    if (r >= 0) sys_fsync(fd); // in a callback this cannot wait; the rename keeps the file whole all the same
    sys_close(fd);
    if (r >= 0) r = sys_renameat(AT_FDCWD, path.data, path.length, AT_FDCWD, blobData(configFile), blobLength(configFile));
    if (r < 0) sys_unlinkat(AT_FDCWD, path.data, path.length, 0);
  }
  free(path.data);
  free(changetype<usize>(path));
  return r;
}
