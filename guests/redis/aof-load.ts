/**
 * Loading the append-only files at boot, and opening the one that is written.
 *
 * The files are replayed in the manifest's order through the ordinary command path, by a client that nobody listens to. A file is read in large
 * pieces and parsed in place. Messages and rules are those of Redis 7.0: an incomplete tail of the last file is cut off
 * (aof-load-truncated yes), an incomplete MULTI with it; anything else that is wrong ends the guest.
 */
import { sys_close, sys_exit_group, sys_fsync, sys_ftruncate, sys_read, sys_renameat } from "../lib/sys";
import { hasRoom, tryAlloc, tryRealloc, free } from "./alloc";
import { AOF_ON, aofSizes, aofStateSet, fileUse } from "./aof";
import {
  AT_FDCWD,
  O_ADD,
  O_NEW,
  O_RDONLY,
  folderExists,
  folderMake,
  logErrno,
  manifestPersistNow,
  openPath,
  path,
  pathOf,
  pathWith,
  sizeOfFd,
  sizeOfPath,
  warnPath,
} from "./aof-files";
import {
  AofFile,
  TYPE_BASE,
  TYPE_INCR,
  badLineLen,
  badLineNumber,
  badLinePtr,
  fileAdd,
  fileAt,
  fileCount,
  fileCountOf,
  fileLast,
  incrSeq,
  nextBaseName,
  nextIncrName,
  parseManifest,
} from "./aof-manifest";
import { lastRewriteTimeSet, rewriteCollect } from "./aof-rewrite";
import { Builder, builderReset, builderRoom, putBytes } from "./builder";
import { blobData, blobLength, blobNew, equal } from "./bytes";
import { CLIENT_AUTHENTICATED, CLIENT_DENY_BLOCKING, CLIENT_FAKE, CLIENT_MULTI, Client, argLen, argPtr, argSet, argcSet, argvReserve, clientNew, rawSet } from "./client";
import { CMD_UNSUPPORTED, Command, commandFind } from "./command";
import { execute } from "./dispatch";
import { commandFailed, commandFailedSet } from "./errors";
import { Chunk, outputRewind, outputSeal } from "./reply";
import { LOG_NOTICE, LOG_WARNING, cfg, clockRefresh, log, logBegin, logBytes, logEnd, logInt, logText, nowMs, setLoading, ustime } from "./server";
import { dbSize } from "./keyspace";
import { startupNote } from "./memory";

const PIECE: u32 = 1 << 20;
const LOAD_OK: i32 = 0;
const LOAD_EMPTY: i32 = 1;
const LOAD_TRUNCATED: i32 = 2;
const LOAD_FAILED: i32 = -1;

/** For INFO while loading, and the progress lines. */
export let loadTotal: i64 = 0;
export let loadDone: i64 = 0;
export let loadStarted: i64 = 0;
let progressMs: i64 = 0;

function quit(): void {
  sys_exit_group(1);
}

// --- the manifest -------------------------------------------------------------------------------------------------------
const text: Builder = changetype<Builder>(memory.data(16, 16));

function readManifest(): void {
  if (!folderExists()) return;
  pathWith(path, "", ".manifest");
  const fd = openPath(path, O_RDONLY);
  if (fd == -2) return;
  if (fd < 0) {
    warnPath("Fatal error: can't open the AOF manifest file ", path, fd);
    quit();
  }
  builderReset(text);
  let r = 1;
  while (r > 0) {
    if (!builderRoom(text, 65536)) {
      log(LOG_WARNING, "Fatal error: no memory for the AOF manifest");
      quit();
    }
    r = sys_read(fd, text.data + text.length, 65536);
    if (r > 0) text.length += r;
  }
  sys_close(fd);
  const wrong = r < 0 ? "Read AOF manifest failed" : parseManifest(text.data, text.length);
  if (!wrong.length) return;
  log(LOG_WARNING, "*** FATAL AOF MANIFEST FILE ERROR ***");
  if (badLineNumber) {
    logBegin(LOG_WARNING, "Reading the manifest file, at line ");
    logInt(badLineNumber);
    logEnd();
    logBegin(LOG_WARNING, ">>> '");
    logBytes(badLinePtr, badLineLen);
    logText("'");
    logEnd();
  }
  log(LOG_WARNING, wrong);
  quit();
}

// --- upgrade from the single file of Redis 6 ------------------------------------------------------------------------------
function oldFileExists(): bool {
  builderReset(path);
  putBytes(path, blobData(cfg.appendfilename), blobLength(cfg.appendfilename));
  return sizeOfPath(path) >= 0;
}
function sameBlob(a: usize, b: usize): bool {
  return blobLength(a) == blobLength(b) && equal(blobData(a), blobData(b), blobLength(a));
}
function upgrade(): void {
  const base = fileLast(TYPE_BASE);
  const incr = fileCountOf(TYPE_INCR);
  let wanted = !folderExists() || (!base && !incr);
  if (!wanted && base && !incr && sameBlob(changetype<AofFile>(base).name, cfg.appendfilename)) {
    pathOf(path, cfg.appendfilename);
    wanted = sizeOfPath(path) < 0;
  }
  if (!wanted) return;
  let r = folderMake();
  if (r < 0) {
    warnPath("Can't open or create append-only dir ", path, r);
    quit();
  }
  if (!base) fileAdd(blobNew(blobData(cfg.appendfilename), blobLength(cfg.appendfilename)), TYPE_BASE, 1);
  if (manifestPersistNow() < 0) quit();
  pathOf(path, cfg.appendfilename);
  r = sys_renameat(AT_FDCWD, blobData(cfg.appendfilename), blobLength(cfg.appendfilename), AT_FDCWD, path.data, path.length);
  if (r < 0) {
    warnPath("Error trying to move the old AOF file into ", path, r);
    quit();
  }
  logBegin(LOG_NOTICE, "Successfully migrated an old-style AOF file (");
  logBytes(blobData(cfg.appendfilename), blobLength(cfg.appendfilename));
  logText(") into the AOF directory (");
  logBytes(blobData(cfg.appenddirname), blobLength(cfg.appenddirname));
  logText(").");
  logEnd();
}

// --- one file ------------------------------------------------------------------------------------------------------------------
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

function fileLog(level: i32, before: string, name: usize, after: string): void {
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

/** Replays one file. */
function loadFile(name: usize): i32 {
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
import { discardTransaction } from "./multi";

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
function fileLogErrno(before: string, name: usize, between: string, errno: i32): void {
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

// --- all files -----------------------------------------------------------------------------------------------------------------------
let totalSize: i64 = 0;
let baseSize: i64 = 0;

/** Whether there was something to load. */
function loadFiles(): bool {
  let total: i64 = 0;
  let last = -1;
  for (let i = 0; i < fileCount; i++) {
    const f = fileAt(i);
    if (<u32>f.type != TYPE_BASE && <u32>f.type != TYPE_INCR) continue;
    pathOf(path, f.name);
    const size = sizeOfPath(path);
    if (size < 0) {
      fileLogErrno("Unable to obtain the AOF file ", f.name, " length. stat: ", <i32>size);
      quit();
    }
    if (<u32>f.type == TYPE_BASE) baseSize = size;
    total += size;
    last = i;
  }
  if (last < 0) return false;
  loadTotal = total;
  loadStarted = nowMs / 1000;
  buffer = tryAlloc(PIECE + 16);
  bufferCap = PIECE;
  if (!buffer) quit();
  // BASE first, then the INCR files in their order: that is the order of the manifest.
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < fileCount; i++) {
      const f = fileAt(i);
      if (<u32>f.type != (pass == 0 ? TYPE_BASE : TYPE_INCR)) continue;
      const start = ustime();
      const result = loadFile(f.name);
      if (result == LOAD_TRUNCATED && !isLast(i)) {
        log(LOG_WARNING, "Fatal error: the truncated file is not the last file");
        quit();
      }
      if (result == LOAD_FAILED) quit();
      if (result == LOAD_EMPTY) continue;
      logBegin(LOG_NOTICE, pass == 0 ? "DB loaded from base file " : "DB loaded from incr file ");
      logBytes(blobData(f.name), blobLength(f.name));
      logText(": ");
      logSeconds(ustime() - start);
      logEnd();
    }
  }
  free(buffer);
  buffer = 0;
  totalSize = total;
  return true;
}
function isLast(index: i32): bool {
  const incr = fileLast(TYPE_INCR);
  return changetype<usize>(fileAt(index)) == (incr ? incr : fileLast(TYPE_BASE));
}
function logSeconds(us: i64): void {
  const ms = us / 1000;
  logInt(ms / 1000);
  logText(ms % 1000 < 10 ? ".00" : ms % 1000 < 100 ? ".0" : ".");
  logInt(ms % 1000);
  logText(" seconds");
}

function openForWriting(loaded: bool): void {
  const r = folderMake();
  if (r < 0) {
    warnPath("Can't open or create append-only dir ", path, r);
    quit();
  }
  if (!fileLast(TYPE_BASE) && !fileCountOf(TYPE_INCR)) {
    const name = nextBaseName();
    pathOf(path, name);
    const fd = openPath(path, O_NEW);
    if (fd < 0) {
      warnPath("Can't open the append-only file ", path, fd);
      quit();
    }
    sys_fsync(fd);
    sys_close(fd);
    fileAdd(name, TYPE_BASE, 1);
    fileLog(LOG_NOTICE, "Creating AOF base file ", name, " on server start");
  }
  const existing = fileLast(TYPE_INCR);
  const name = existing ? changetype<AofFile>(existing).name : nextIncrName();
  if (!existing) fileAdd(name, TYPE_INCR, incrSeq + 1);
  pathOf(path, name);
  const fd = openPath(path, O_ADD);
  if (fd < 0) {
    warnPath("Can't open the append-only file ", path, fd);
    quit();
  }
  // A manifest that names these files already is not written again: a full disk must not keep the server down.
  if (!existing && manifestPersistNow() < 0) quit();
  const size = sizeOfFd(fd);
  fileUse(fd, size < 0 ? 0 : size);
  fileLog(LOG_NOTICE, existing ? "Opening AOF incr file " : "Creating AOF incr file ", name, " on server start");
  aofSizes(loaded ? totalSize : size < 0 ? 0 : size, baseSize);
  aofStateSet(AOF_ON);
}

/** Loads the files at boot, if `appendonly` is on, and opens the one to write. Ends the guest when they cannot be loaded. */
export function aofLoad(): void {
  startupNote(); // everything is set up, and nothing is stored yet
  lastRewriteTimeSet(nowMs / 1000);
  if (!cfg.appendonly) return;
  clockRefresh();
  readManifest();
  if (oldFileExists()) upgrade();
  setLoading(true);
  const start = ustime();
  progressMs = nowMs;
  const loaded = loadFiles();
  setLoading(false);
  clockRefresh();
  if (loaded) {
    logBegin(LOG_NOTICE, "DB loaded from append only file: ");
    logSeconds(ustime() - start);
    logEnd();
  }
  openForWriting(loaded);
  rewriteCollect();
}
