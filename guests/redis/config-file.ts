/**
 * Configuration at boot: arguments and file.
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
  sys_getcwd,
  sys_mkdirat,
  sys_openat,
  sys_read,
  sys_write,
} from "../lib/sys";
import { alloc, free } from "../lib/raw/alloc";
import { Builder, builderReset, builderRoom, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { blobData, blobLength, blobNew, equalWord } from "../lib/raw/bytes";
import {
  APPLY_CLUSTER,
  configTableInit,
  Param,
  PARAM_MULTI,
  PARAM_SAVE,
  paramFind,
  paramRead,
  saveText,
} from "./config-table";
import { paramSet, problem, SET_REFUSED } from "./config-value";
import { isSpace, putQuoted, splitWords, wordAt, wordCount, wordSize } from "./config-words";
import { putErrno } from "../lib/raw/errno-text";
import { cfg, log, LOG_WARNING } from "./server";

export const AT_FDCWD: i32 = -100;
const O_RDONLY: i32 = 0;

export function builder(): Builder {
  const b = changetype<Builder>(alloc(16));
  memory.fill(changetype<usize>(b), 0, 16);
  return b;
}

/** Blob: the configuration file's path, or 0. */
export let configFile: usize = 0;

// --- words with quotes ------------------------------------------------------------------------------------------
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
export function readFile(into: Builder, path: usize, n: u32): bool {
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
