/**
 * The rewrite of the append-only file without fork: a new BASE that holds the data set exactly as it was when the rewrite began.
 *
 * At that moment (T0) changes start to go to a new INCR file. From then on the databases are walked in slices of a few milliseconds, in the
 * order of SCAN's cursor. A key that the walk has not reached is written to BASE just before its first change (copy on write): the keyspace
 * calls `rewriteUnmarkedKey`, and marks its entry; a key that did not exist at T0 is only marked (`rewriteNewKey`). The walk skips marked
 * keys and takes the mark off. So BASE is the state at T0, INCR is everything since, and replaying one after the other is right
 * for commands that may not be repeated too.
 *
 * What always holds: marks exist only on entries that the walk has not reached. Replacing whole databases (FLUSHALL, FLUSHDB,
 * SWAPDB) breaks the walk: it is given up and begins again.
 *
 * Steps: PREPARE (manifest with the new INCR) -> SWITCH (T0) -> COPY -> SYNC (BASE on disk) -> PUBLISH (manifest with BASE; the old files become
 * history) -> CLEAN (history deleted, manifest without it) -> IDLE. A failure removes what is unfinished; the old files stay valid throughout.
 */
import { sys_close, sys_ring_fsync, sys_ring_timer } from "../lib/sys";
import {
  AOF_OFF,
  AOF_ON,
  AOF_WAIT_REWRITE,
  aofFd,
  aofSizes,
  aofState,
  aofStateSet,
  currentSize,
  fileLeave,
  fileSize,
  fileSwitch,
  rewriteActiveSet,
  rewriteBaseSize,
} from "./aof";
import {
  O_NEW,
  O_NEW_ADD,
  TOKEN_BASE,
  folderMake,
  logErrno,
  manifestPersist,
  openPath,
  other,
  path,
  pathOf,
  pathWith,
  persisting,
  renamePath,
  unlinkPath,
  warnPath,
  writeAll,
  writeErrno,
} from "./aof-files";
import {
  TYPE_BASE,
  TYPE_HISTORY,
  TYPE_INCR,
  baseSeq,
  fileAdd,
  fileAt,
  fileCount,
  fileCountOf,
  fileRemove,
  incrSeq,
  markHistory,
  nextBaseName,
  nextIncrName,
} from "./aof-manifest";
import { putBulkI64, putBulkText, putCount, putKey } from "./aof-serialize";
import { Builder, builderRelease, builderReset, putInt, putText } from "../lib/raw/builder";
import { blobData, blobFree, blobLength } from "../lib/raw/bytes";
import { aofDisableAutoGc, aofTimestampEnabled } from "./config-table";
import { ENTRY_MARK, dictScan, entryHash } from "./dict";
import { dbDict } from "./keyspace";
import { LOG_NOTICE, LOG_WARNING, cfg, log, logBegin, logBytes, logEnd, logInt, logText, nowMs, ustime } from "./server";

const IDLE: u32 = 0;
const PREPARE: u32 = 1;
const SWITCH: u32 = 2;
const COPY: u32 = 3;
const SYNC: u32 = 4;
const PUBLISH: u32 = 5;
const CLEAN: u32 = 6;
/** Taking the marks off that a walk left behind when it was given up. */
const UNMARK: u32 = 7;

/** `user` of the timer event that calls rewriteSlice (bits 0 and 1 are not those of a blocked client's timer). */
export const TIMER_REWRITE: u32 = 6;
const SLICE_US: i64 = 2000;
/** BASE is written in pieces of this size. */
const PIECE: u32 = 262144;

let state: u32 = IDLE;
export let rewriteScheduled: bool = false;
let startedMs: i64 = 0;
/** Seconds the last rewrite took, -1: none yet; statuses for INFO. */
export let lastRewriteSeconds: i64 = -1;
export let lastRewriteOk: bool = true;
export let rewriteCount: i64 = 0;
export let rewriteFailures: i64 = 0;
/** Seconds since the epoch of the last rewrite (LASTSAVE), 0: none. */
export let lastRewriteTime: i64 = 0;
let retryAfter: i64 = 0; // seconds; automatic rewrites wait after repeated failures
let retryMinutes: i64 = 0;

let incrFd: i32 = -1; // opened in PREPARE, in use from SWITCH on
let incrTemporary: bool = false; // AOF_WAIT_REWRITE: has its temporary name until PUBLISH
let baseFd: i32 = -1;
let baseName: usize = 0; // blob
let walkDb: u32 = 0;
let walkCursor: u32 = 0;
let selected: i32 = -1; // database of the last SELECT in BASE
let baseBytes: i64 = 0;
let failure: i32 = 0;
let timerArmed: bool = false;
let keysCopied: i64 = 0;
let publishedHistory: i32 = 0;
/** aofState when this rewrite began. */
let mode: u32 = 0;
const out: Builder = changetype<Builder>(memory.data(16, 16));

export function rewriteRunning(): bool {
  return state != IDLE && state != UNMARK && state != CLEAN;
}
export function rewriteSeconds(): i64 {
  return rewriteRunning() ? (nowMs - startedMs) / 1000 : -1;
}
export function rewriteKeysCopied(): i64 {
  return keysCopied;
}
export function lastRewriteTimeSet(seconds: i64): void {
  lastRewriteTime = seconds;
}

function arm(ms: f64): void {
  if (timerArmed) return;
  timerArmed = true;
  sys_ring_timer(ms, TIMER_REWRITE);
}

// --- asking -----------------------------------------------------------------------------------------------------------
/** BGREWRITEAOF and the automatic one: begins as soon as possible. */
export function rewriteAsk(): void {
  rewriteScheduled = true;
}
export function rewriteBusy(): bool {
  return state != IDLE && state != UNMARK;
}
/** Before sleep: begins what was asked for, goes on with what waits for the writer. */
export function rewriteTurn(): void {
  if (state == SWITCH) {
    switchFile();
    return;
  }
  if (rewriteScheduled && state == IDLE && !persisting) {
    rewriteScheduled = false;
    begin();
  }
}
export function rewriteCron(): void {
  if (state == COPY || state == UNMARK) arm(1);
  if (state != IDLE || rewriteScheduled || aofState != AOF_ON) return;
  const percent = cfg.autoAofRewritePercentage;
  if (!percent || currentSize < cfg.autoAofRewriteMinSize) return;
  const base = rewriteBaseSize ? rewriteBaseSize : 1;
  const growth = (currentSize * 100) / base - 100;
  if (growth < percent || nowMs / 1000 < retryAfter) return;
  logBegin(LOG_NOTICE, "Starting automatic rewriting of AOF on ");
  logInt(growth);
  logText("% growth");
  logEnd();
  rewriteScheduled = true;
}

// --- PREPARE -----------------------------------------------------------------------------------------------------------
function begin(): void {
  startedMs = nowMs;
  mode = aofState;
  failure = 0;
  keysCopied = 0;
  const r = folderMake();
  if (r < 0) {
    warnPath("Can't open or create append-only dir ", path, r);
    fail();
    return;
  }
  if (aofState == AOF_OFF) {
    // A rewrite without changes to follow: BASE alone.
    incrFd = -1;
    state = SWITCH;
    switchFile();
    return;
  }
  incrTemporary = aofState == AOF_WAIT_REWRITE;
  let name: usize = 0;
  if (incrTemporary) pathWith(path, "temp-", ".incr");
  else {
    name = nextIncrName();
    pathOf(path, name);
  }
  incrFd = openPath(path, O_NEW_ADD);
  if (incrFd < 0) {
    warnPath("Can't open the append-only file ", path, incrFd);
    if (name) blobFree(name);
    fail();
    return;
  }
  logBegin(LOG_NOTICE, "Creating AOF incr file ");
  logBytes(path.data, path.length);
  logText(" on background rewrite");
  logEnd();
  if (incrTemporary) {
    state = SWITCH;
    switchFile();
    return;
  }
  fileAdd(name, TYPE_INCR, incrSeq + 1);
  state = PREPARE;
  if (!manifestPersist()) {
    dropIncr();
    fail();
  }
}
/** Takes the INCR file that was just added out of the manifest again. */
function dropIncr(): void {
  sys_close(incrFd);
  incrFd = -1;
  pathOf(path, fileAt(fileCount - 1).name);
  unlinkPath(path);
  fileRemove(fileCount - 1);
}

/** The manifest is on disk (1), or only perhaps (2, see manifestEvent), or could not be written (negated errno). */
export function manifestDone(result: i32): void {
  switch (state) {
    case PREPARE:
      if (result < 0) {
        dropIncr();
        fail();
        return;
      }
      if (result == 2) {
        // The new INCR file stays in the manifest, empty: changes must not go there before it is sure to be named.
        sys_close(incrFd);
        incrFd = -1;
        fail();
        return;
      }
      state = SWITCH;
      return; // at the end of this turn
    case PUBLISH:
      if (result < 0) {
        unpublish();
        fail();
        return;
      }
      published(result == 1);
      return;
    default:
      // CLEAN: whatever happened, the files are gone or will be next time.
      if (state == CLEAN) state = IDLE;
  }
}

// --- SWITCH: T0 ----------------------------------------------------------------------------------------------------------
function switchFile(): void {
  if (incrFd >= 0) {
    if (!fileSwitch(incrFd)) return; // an earlier group is under way: next turn
    incrFd = -1;
  }
  pathWith(path, "temp-rewriteaof-", ".base");
  baseFd = openPath(path, O_NEW);
  if (baseFd < 0) {
    warnPath("Opening the temp file for AOF rewrite: ", path, baseFd);
    baseFd = -1;
    fail();
    return;
  }
  log(LOG_NOTICE, "Background append only file rewriting started");
  builderReset(out);
  if (load<i32>(aofTimestampEnabled)) {
    putText(out, "#TS:");
    putInt(out, nowMs / 1000);
    putText(out, "\r\n");
  }
  walkDb = 0;
  walkCursor = 0;
  selected = -1;
  baseBytes = 0;
  state = COPY;
  rewriteActiveSet(true);
  arm(0);
}

// --- COPY ---------------------------------------------------------------------------------------------------------------
// @ts-ignore: decorator
@inline
function reverse(v: u32): u32 {
  v = ((v >> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  return bswap<u32>(v);
}
/** Whether the walk has passed the place of this entry. SCAN's cursor grows in reversed bit order, whatever the table's size. */
function passed(db: u32, e: usize): bool {
  if (db != walkDb) return db < walkDb;
  return reverse(entryHash(e)) < reverse(walkCursor);
}
// @ts-ignore: decorator
@inline
function marked(e: usize): bool {
  return (load<u32>(e, 8) & ENTRY_MARK) != 0;
}
// @ts-ignore: decorator
@inline
function mark(e: usize): void {
  store<u32>(e, load<u32>(e, 8) | ENTRY_MARK, 8);
}
function unmark(e: usize): void {
  store<u32>(e, load<u32>(e, 8) & ~ENTRY_MARK, 8);
}

function copyKey(db: u32, e: usize): void {
  if (<i32>db != selected) {
    selected = db;
    putCount(out, 42, 2);
    putBulkText(out, "SELECT");
    putBulkI64(out, db);
  }
  const before = out.length;
  putKey(out, db, e);
  if (out.failed) {
    // Make room by writing, then once more.
    out.length = before;
    out.failed = 0;
    writePiece();
    putKey(out, db, e);
    if (out.failed) failure = -12;
  }
  keysCopied++;
  if (out.length >= PIECE) writePiece();
}
function writePiece(): void {
  if (!out.length || failure) {
    builderReset(out);
    return;
  }
  const n = writeAll(baseFd, out.data, out.length);
  if (n != out.length) failure = writeErrno;
  baseBytes += n;
  if (out.capacity > PIECE * 16) builderRelease(out);
  else builderReset(out);
}

/** About to change or remove an entry (its value is still the old one). */
export function rewriteUnmarkedKey(db: u32, e: usize): void {
  if (state != COPY || marked(e) || passed(db, e)) return;
  copyKey(db, e);
  mark(e);
}
/** A new entry: not part of the state at T0. */
export function rewriteNewKey(db: u32, e: usize): void {
  if (state == COPY && !passed(db, e)) mark(e);
}

function visit(db: usize, e: usize): void {
  if (marked(e)) {
    unmark(e);
    return;
  }
  if (state == COPY && !passed(<u32>db, e)) copyKey(<u32>db, e);
}

/** A timer event of TIMER_REWRITE: one slice of the walk. */
export function rewriteSlice(): void {
  timerArmed = false;
  if (state != COPY && state != UNMARK) return;
  const visitor: (db: usize, e: usize) => void = visit;
  const until = ustime() + SLICE_US;
  let steps = 0;
  while (walkDb < <u32>cfg.databases) {
    const d = dbDict(walkDb);
    walkCursor = dictScan(d, walkCursor, visitor.index, walkDb);
    if (!walkCursor) walkDb++;
    if (failure) {
      giveUp();
      return;
    }
    if ((++steps & 15) == 0 && ustime() >= until) {
      arm(1);
      return;
    }
  }
  if (state == UNMARK) {
    state = IDLE;
    return;
  }
  // The walk is over: nothing is marked any more.
  rewriteActiveSet(false);
  writePiece();
  if (failure) {
    fail();
    return;
  }
  state = SYNC;
  const r = sys_ring_fsync(baseFd, 0, TOKEN_BASE);
  if (r < 0) baseSynced(r);
}

/** Databases were emptied or swapped: the walk makes no sense any more. */
export function rewriteRestart(): void {
  if (state != COPY) return;
  log(LOG_NOTICE, "AOF rewrite restarted: whole databases were replaced while it ran");
  giveUpQuietly();
  rewriteScheduled = true;
}

// --- SYNC, PUBLISH ---------------------------------------------------------------------------------------------------------
export function baseSynced(result: i32): void {
  if (state != SYNC) return;
  sys_close(baseFd);
  baseFd = -1;
  if (result < 0) {
    failure = result;
    fail();
    return;
  }
  baseName = nextBaseName();
  pathWith(path, "temp-rewriteaof-", ".base");
  pathOf(other, baseName);
  let r = renamePath(path, other);
  if (r < 0) {
    warnPath("Error trying to rename the temporary AOF base file ", path, r);
    fail();
    return;
  }
  const waiting = mode == AOF_WAIT_REWRITE;
  publishedHistory = fileCountOf(TYPE_HISTORY);
  // Files in use stay: the INCR that is written now (on), nothing (off; waiting: it comes now).
  markHistory(mode == AOF_ON ? 1 : 0);
  fileAdd(baseName, TYPE_BASE, baseSeq + 1);
  if (waiting) {
    const name = nextIncrName();
    pathWith(path, "temp-", ".incr");
    pathOf(other, name);
    r = renamePath(path, other);
    if (r < 0) {
      warnPath("Error trying to rename the temporary AOF incr file ", path, r);
      blobFree(name);
      unpublish();
      fail();
      return;
    }
    fileAdd(name, TYPE_INCR, incrSeq + 1);
  }
  state = PUBLISH;
  if (!manifestPersist()) {
    unpublish();
    fail();
  }
}
/** The manifest with the new BASE is not on disk: the memory's copy goes back to what is. */
function unpublish(): void {
  for (let i = fileCount - 1; i >= 0; i--) {
    const f = fileAt(i);
    if (<u32>f.type == TYPE_BASE && f.name == baseName) {
      pathOf(path, f.name);
      unlinkPath(path);
      fileRemove(i);
    }
  }
  // History that was history before this rewrite stays it: those come first in the list's order of age.
  let history = fileCountOf(TYPE_HISTORY) - publishedHistory;
  for (let i = fileCount - 1; i >= 0 && history > 0; i--) {
    const f = fileAt(i);
    if (<u32>f.type != TYPE_HISTORY || <u32>f.previous == TYPE_HISTORY) continue;
    f.type = f.previous;
    history--;
  }
}

/** `sure`: the manifest that was replaced cannot come back, so the files only it names may go. */
function published(sure: bool): void {
  const waiting = mode == AOF_WAIT_REWRITE;
  if (waiting) aofStateSet(AOF_ON);
  const size = mode != AOF_OFF ? baseBytes + fileSize : baseBytes;
  aofSizes(size, size);
  lastRewriteOk = true;
  rewriteFailures = 0;
  retryMinutes = 0;
  rewriteCount++;
  lastRewriteSeconds = (nowMs - startedMs) / 1000;
  lastRewriteTime = nowMs / 1000;
  log(LOG_NOTICE, "Background AOF rewrite terminated with success");
  log(LOG_NOTICE, "Background AOF rewrite finished successfully");
  if (!sure || !collect()) state = IDLE;
}
/** Deletes the history; whether a manifest is being written for it. */
function collect(): bool {
  if (load<i32>(aofDisableAutoGc) || !fileCountOf(TYPE_HISTORY) || persisting) return false;
  for (let i = fileCount - 1; i >= 0; i--) {
    const f = fileAt(i);
    if (<u32>f.type != TYPE_HISTORY) continue;
    logBegin(LOG_NOTICE, "Removing the history file ");
    logBytes(blobData(f.name), blobLength(f.name));
    logText(" in the background");
    logEnd();
    pathOf(path, f.name);
    unlinkPath(path);
    fileRemove(i);
  }
  state = CLEAN;
  if (manifestPersist()) return true;
  state = IDLE;
  return false;
}
/** aof-disable-auto-gc was switched off, or the server starts with history in the manifest. */
export function rewriteCollect(): void {
  if (state == IDLE) collect();
}

// --- failures ------------------------------------------------------------------------------------------------------------------
function dropBase(): void {
  if (baseFd >= 0) sys_close(baseFd);
  baseFd = -1;
  pathWith(path, "temp-rewriteaof-", ".base");
  unlinkPath(path);
  builderRelease(out);
}
/** Ends a walk that leaves marks behind: they are taken off in slices. */
function giveUpQuietly(): void {
  rewriteActiveSet(false);
  dropBase();
  state = UNMARK;
  // Marks are only ahead of the walk; whole databases may have changed places, so all are looked at.
  walkDb = 0;
  walkCursor = 0;
  arm(1);
}
function giveUp(): void {
  failed();
  giveUpQuietly();
}
function fail(): void {
  failed();
  dropBase();
  state = IDLE;
}
function failed(): void {
  if (failure) {
    logBegin(LOG_WARNING, "Write error writing append only file on disk: ");
    logErrno(failure);
    logEnd();
  }
  log(LOG_WARNING, "Background AOF rewrite terminated with error");
  lastRewriteOk = false;
  rewriteFailures++;
  if (rewriteFailures >= 3) {
    retryMinutes = retryMinutes ? min<i64>(retryMinutes * 2, 60) : 1;
    retryAfter = nowMs / 1000 + retryMinutes * 60;
    logBegin(LOG_WARNING, "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in ");
    logInt(retryMinutes);
    logText(" minutes");
    logEnd();
  }
  if (aofState == AOF_WAIT_REWRITE) {
    // Never became valid: try again from the start at the next occasion, as Redis does.
    rewriteScheduled = retryAfter <= nowMs / 1000;
  }
}

// --- appendonly yes / no while running --------------------------------------------------------------------------------------
/** CONFIG SET appendonly yes. */
export function rewriteTurnOn(): bool {
  const r = folderMake();
  if (r < 0) {
    warnPath("Can't open or create append-only dir ", path, r);
    return false;
  }
  aofStateSet(AOF_WAIT_REWRITE);
  // One that runs keeps no record of the changes since: it cannot be used.
  if (state == COPY) giveUpQuietly();
  else if (state == SYNC) {
    dropBase();
    state = IDLE;
  }
  rewriteScheduled = true;
  return true;
}
/** CONFIG SET appendonly no. */
export function rewriteTurnOff(): void {
  rewriteScheduled = false;
  if (state == COPY) {
    log(LOG_NOTICE, "Killing running AOF rewrite");
    giveUpQuietly();
  } else if (state == SYNC) {
    dropBase();
    state = IDLE;
  } else if (state == SWITCH) {
    if (incrFd >= 0) sys_close(incrFd);
    incrFd = -1;
    state = IDLE;
  }
  const temporary = aofState == AOF_WAIT_REWRITE;
  if (aofFd() >= 0) fileLeave();
  aofStateSet(AOF_OFF);
  if (temporary) {
    pathWith(path, "temp-", ".incr");
    unlinkPath(path);
  }
}
