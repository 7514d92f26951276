/**
 * Replaying one append-only file through the ordinary command path, by a client that nobody listens to.
 *
 * The file is read in large pieces and parsed in place. Messages and rules are those of Redis 7.0: an incomplete tail is cut off
 * (aof-load-truncated yes), an incomplete MULTI with it; anything else that is wrong is LOAD_FAILED. Called by aof-load.ts only,
 * between `replayBegin` and `replayEnd`.
 */
import { sys_close, sys_fsync, sys_ftruncate, sys_read } from "../lib/sys";
import { free, hasRoom, tryAlloc, tryRealloc } from "../lib/raw/alloc";
import { logErrno, O_RDONLY, openPath, path, pathOf, sizeOfFd } from "./aof-files";
import { blobData, blobLength } from "../lib/raw/bytes";
import {
  argcSet,
  argLen,
  argPtr,
  argSet,
  argvReserve,
  Client,
  CLIENT_AUTHENTICATED,
  CLIENT_DENY_BLOCKING,
  CLIENT_FAKE,
  CLIENT_MULTI,
  clientNew,
  rawSet,
} from "./client";
import { CMD_UNSUPPORTED, Command, commandFind } from "./command";
import { execute } from "./dispatch";
import { commandFailed, commandFailedSet } from "./errors";
import { dbSize } from "./keyspace";
import { discardTransaction } from "./multi";
import { Chunk, outputRewind, outputSeal } from "./reply";
import {
  cfg,
  clockRefresh,
  LOG_NOTICE,
  LOG_WARNING,
  logBegin,
  logBytes,
  logEnd,
  logInt,
  logText,
  nowMs,
} from "./server";

const PIECE: u32 = 1 << 20;
const LOAD_OK: i32 = 0;
export const LOAD_EMPTY: i32 = 1;
export const LOAD_TRUNCATED: i32 = 2;
export const LOAD_FAILED: i32 = -1;

/** For INFO while loading, and the progress lines. */
export let loadTotal: i64 = 0;
export let loadDone: i64 = 0;
export let loadStarted: i64 = 0;
let progressMs: i64 = 0;
let buffer: usize = 0;
let bufferCap: u32 = 0;
let have: u32 = 0; // bytes in it
let pos: u32 = 0; // next byte to parse
let wants: u32 = 0; // bytes the incomplete command needs from `pos` on, as far as is known

/** Position behind the next line's LF, or 0 when it is not there yet. Reads the number that follows the line's first byte. */
let lineValue: i64 = 0;
let lineBad: bool = false;
function line(at: u32): u32 {
  const end = buffer + have;
  let p = buffer + at + 1;
  let v: i64 = 0;
  let negative = false;
  lineBad = false;
  let digits = 0;
  while (p < end) {
    const ch: u32 = load<u8>(p++);
    if (ch == 10) {
      if (!digits) lineBad = true;
      lineValue = negative ? -v : v;
      return <u32>(p - buffer);
    }
    if (ch - 48 < 10) {
      v = v * 10 + ch - 48;
      if (++digits > 12) lineBad = true;
    } else if (ch == 45 && !digits) negative = true;
    else if (ch != 13) lineBad = true;
    if (p - (buffer + at) > 1024) {
      lineBad = true;
      return <u32>(p - buffer);
    }
  }
  return 0;
}

const COMPLETE: i32 = 1;
const INCOMPLETE: i32 = 0;
const BAD: i32 = -1;
const COMMENT: i32 = 2;

/** Parses one command at `pos` into argc/argv; moves `pos` when it is complete. */
function parse(): i32 {
  wants = 0;
  const first: u32 = load<u8>(buffer + pos);
  if (first == 35) {
    // "#TS:…" annotation
    for (let i = pos; i < have; i++) {
      if (load<u8>(buffer + i) == 10) {
        pos = i + 1;
        return COMMENT;
      }
    }
    return have - pos > 1024 ? BAD : INCOMPLETE;
  }
  if (first != 42) return BAD;
  let at = line(pos);
  if (!at) return INCOMPLETE;
  if (lineBad || lineValue < 1 || lineValue > 0x7ffffff) return BAD;
  const count = <i32>lineValue;
  if (!argvReserve(count)) return OOM;
  for (let i = 0; i < count; i++) {
    if (at >= have) return INCOMPLETE;
    if (<u32>load<u8>(buffer + at) != 36) return BAD;
    const data = line(at);
    if (!data) return INCOMPLETE;
    if (lineBad || lineValue < 0 || lineValue > 0x7fffffff) return BAD;
    const n = <u32>lineValue;
    if (<u64>data + n + 2 > <u64>have) {
      wants = data + n + 2 - pos;
      return INCOMPLETE;
    }
    argSet(i, buffer + data, n);
    at = data + n + 2;
  }
  argcSet(count);
  pos = at;
  return COMPLETE;
}
const OOM: i32 = -2;

/** Reads more behind what is there; bytes read (0: end), or a negated errno. */
function refill(fd: i32): i32 {
  if (pos) {
    memory.copy(buffer, buffer + pos, have - pos);
    have -= pos;
    pos = 0;
  }
  let need = max<u32>(wants, have + PIECE / 4);
  if (need > bufferCap) {
    if (wants < have + PIECE) need = max<u32>(need, bufferCap + (bufferCap >> 1));
    const q = tryRealloc(buffer, need + 16);
    if (!q) return -12;
    buffer = q;
    bufferCap = need;
  }
  const r = sys_read(fd, buffer + have, bufferCap - have);
  if (r > 0) have += r;
  return r;
}

export function fileLog(level: i32, before: string, name: usize, after: string): void {
  logBegin(level, before);
  logBytes(blobData(name), blobLength(name));
  logText(after);
  logEnd();
}

function progress(): void {
  clockRefresh();
  if (nowMs - progressMs < 2000) return;
  progressMs = nowMs;
  let keys: i64 = 0;
  for (let i = 0; i < cfg.databases; i++) keys += dbSize(i);
  logBegin(LOG_NOTICE, "Loading: ");
  logInt(loadTotal ? (loadDone * 100) / loadTotal : 100);
  logText("% of the append only files, ");
  logInt(keys);
  logText(" keys");
  logEnd();
}

function outOfMemory(name: usize): void {
  fileLog(LOG_WARNING, "Out of memory while loading the append only file ", name, ": give the machine more memory. Nothing was changed.");
}

/** Before the first file of `total` bytes in all; false when there is no memory for the buffer. */
export function replayBegin(total: i64): bool {
  loadTotal = total;
  loadStarted = nowMs / 1000;
  progressMs = nowMs;
  buffer = tryAlloc(PIECE + 16);
  bufferCap = PIECE;
  return buffer != 0;
}
export function replayEnd(): void {
  free(buffer);
  buffer = 0;
}

/** Replays one file: one of LOAD_*. */
export function loadFile(name: usize): i32 {
  pathOf(path, name);
  const fd = openPath(path, O_RDONLY);
  if (fd < 0) {
    fileLogErrno(fd == -2 ? "The append log file " : "Fatal error: can't open the append log file ", name, fd == -2 ? " doesn't exist: " : " for reading: ", fd);
    return LOAD_FAILED;
  }
  if (sizeOfFd(fd) == 0) {
    sys_close(fd);
    return LOAD_EMPTY;
  }
  const c = clientNew(-1);
  c.flags = CLIENT_FAKE | CLIENT_DENY_BLOCKING | CLIENT_AUTHENTICATED;
  rawSet(0, 0);
  have = 0;
  pos = 0;
  wants = 0;
  let offset: i64 = 0; // of buffer[0] in the file
  let validUpTo: i64 = 0;
  let validBeforeMulti: i64 = 0;
  let commands: u32 = 0;
  let result = LOAD_OK;
  let ended = false;
  const doneBefore = loadDone;
  while (true) {
    const state = pos < have ? parse() : INCOMPLETE;
    if (state == COMPLETE) {
      const found = commandFind(argPtr(0), argLen(0));
      if (!found || changetype<Command>(found).flags & CMD_UNSUPPORTED) {
        logBegin(LOG_WARNING, found ? "Unsupported command '" : "Unknown command '");
        logBytes(argPtr(0), argLen(0));
        logText("' reading the append only file ");
        logBytes(blobData(name), blobLength(name));
        if (found) logText(": boot the 'redis-server' image (the real Redis) for it");
        logEnd();
        result = LOAD_FAILED;
        break;
      }
      if (argLen(0) == 5 && (load<u8>(argPtr(0)) | 32) == 109 && !(c.flags & CLIENT_MULTI)) validBeforeMulti = validUpTo;
      commandFailedSet(false);
      execute(c);
      if (commandFailed && !hasRoom(524288)) {
        outOfMemory(name);
        result = LOAD_FAILED;
        break;
      }
      dropReplies(c);
      validUpTo = offset + pos;
      if ((++commands & 4095) == 0) {
        loadDone = doneBefore + offset + pos;
        progress();
      }
      continue;
    }
    if (state == COMMENT) continue;
    if (state == BAD) {
      if (isRdb(offset)) {
        fileLog(
          LOG_WARNING,
          "The append only file ",
          name,
          " starts with an RDB preamble, which the 'redis' image cannot read: boot the 'redis-server' image (the real Redis), or rewrite it there with aof-use-rdb-preamble no",
        );
      } else {
        fileLog(
          LOG_WARNING,
          "Bad file format reading the append only file ",
          name,
          ": make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>",
        );
      }
      result = LOAD_FAILED;
      break;
    }
    if (state == OOM) {
      outOfMemory(name);
      result = LOAD_FAILED;
      break;
    }
    offset += pos;
    const r = refill(fd);
    if (r == 0) {
      ended = true;
      break;
    }
    if (r == -12) {
      outOfMemory(name);
      result = LOAD_FAILED;
      break;
    }
    if (r < 0) {
      fileLogErrno("Unrecoverable error reading the append only file ", name, ": ", r);
      result = LOAD_FAILED;
      break;
    }
  }
  sys_close(fd);
  loadDone = doneBefore + offset + have;
  if (ended) {
    if (c.flags & CLIENT_MULTI && have == pos) {
      fileLog(LOG_WARNING, "Revert incomplete MULTI/EXEC transaction in AOF file ", name, "");
      result = cutTail(name, validBeforeMulti);
    } else if (have != pos) {
      result = cutTail(name, c.flags & CLIENT_MULTI ? validBeforeMulti : validUpTo);
    }
  }
  discardTransaction(c);
  outputSeal(c);
  outputRewind(c, 0, 0);
  free(changetype<usize>(c));
  return result;
}

function isRdb(offset: i64): bool {
  return offset == 0 && pos == 0 && have >= 5 && load<u32>(buffer) == 0x49444552 && load<u8>(buffer + 4) == 83;
}
/** The replay's replies go nowhere: the chunk is used again from its start. */
function dropReplies(c: Client): void {
  if (c.outHead && c.outHead == c.outTail && c.outPtr) {
    c.outPtr = changetype<Chunk>(c.outTail).data;
    return;
  }
  if (c.outHead) outputRewind(c, 0, 0);
}
export function fileLogErrno(before: string, name: usize, between: string, errno: i32): void {
  logBegin(LOG_WARNING, before);
  logBytes(blobData(name), blobLength(name));
  logText(between);
  logErrno(errno);
  logEnd();
}

/** The file ends in the middle of a command: cut it off, if that is allowed. */
function cutTail(name: usize, size: i64): i32 {
  if (!cfg.aofLoadTruncated) {
    fileLog(
      LOG_WARNING,
      "Unexpected end of file reading the append only file ",
      name,
      ". You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.",
    );
    return LOAD_FAILED;
  }
  fileLog(LOG_WARNING, "!!! Warning: short read while loading the AOF file ", name, "!!!");
  logBegin(LOG_WARNING, "!!! Truncating the AOF ");
  logBytes(blobData(name), blobLength(name));
  logText(" at offset ");
  logInt(size);
  logText(" !!!");
  logEnd();
  pathOf(path, name);
  const fd = openPath(path, 1);
  let r = fd;
  if (fd >= 0) {
    r = sys_ftruncate(fd, <f64>size);
    if (r >= 0) sys_fsync(fd);
    sys_close(fd);
  }
  if (r < 0) {
    fileLogErrno("Error truncating the AOF file ", name, ": ", r);
    return LOAD_FAILED;
  }
  fileLog(LOG_WARNING, "AOF ", name, " loaded anyway because aof-load-truncated is enabled");
  return LOAD_TRUNCATED;
}
