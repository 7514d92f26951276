/**
 * The append-only file: what was changed goes to the INCR file, and replies wait for it as `appendfsync` says.
 *
 * Commands are collected in `pending` while a turn runs and written once, before its replies leave.
 *
 * appendfsync always: a turn's commands are a *group*. The group is written, fsync is asked for on the ring, and the replies of those who
 * wrote stay behind a gate (client.gateSeq) until it completes; what is written meanwhile is the next group. If the write
 * or the fsync fails, the file is cut back to its last durable length, so that no half command and nothing unacknowledged stays in it;
 * each reply that waited becomes a MISCONF error, and writes are refused with MISCONF. The data set keeps the change, as an error promises
 * nothing either way, so the group is kept too and tried again until the disk takes it, before anything later: memory and
 * file agree again at that moment. (Redis ends its process at this point; a machine that answers reads is worth more.)
 *
 * everysec and no: written each turn, synced in the background each second or never; errors as in Redis: what could not be written stays
 * in `pending`, writes are refused until it could.
 *
 * Who may call: dispatch (aofFeed), the loop (aofBeforeSleep, aofCron, aofFileEvent, aofShutdown), aof-rewrite.ts.
 */
import { sys_close, sys_fdatasync, sys_ftruncate, sys_ring_fsync } from "../lib/sys";
import { TOKEN_BACKGROUND, TOKEN_BASE, TOKEN_CLOSE, TOKEN_FOLDER, TOKEN_GROUP, TOKEN_MANIFEST, logErrno, writeAll, writeErrno } from "./aof-files";
import { gateFail, gateOpen } from "./aof-gate";
import { baseSynced, manifestDone, rewriteCron, rewriteRunning, rewriteTurn, rewriteUnmarkedKey, rewriteNewKey } from "./aof-rewrite";
import { manifestEvent } from "./aof-files";
import { Builder, builderRelease, builderReset, builderRoom, putBytes, putInt, putText } from "../lib/raw/builder";
import { aofTimestampEnabled } from "./config-table";
import { putErrno } from "../lib/raw/errno-text";
import { latencySample } from "./latency";
import { LOG_NOTICE, LOG_WARNING, cfg, log, logBegin, logEnd, logInt, logText, nowMs, ustime } from "./server";

export const AOF_OFF: u32 = 0;
export const AOF_ON: u32 = 1;
/** Switched on while running: changes are kept in a temporary INCR file until the first BASE is complete. */
export const AOF_WAIT_REWRITE: u32 = 2;

const FSYNC_ALWAYS: i32 = 1;
const FSYNC_EVERYSEC: i32 = 2;
/** A command buffer larger than this is given back once it is empty. */
const BUFFER_KEEP: u32 = 4 << 20;

export let aofState: u32 = AOF_OFF;
/** Whether changes go to a file. */
export let aofEnabled: bool = false;
/** While a rewrite copies: the keyspace calls aofBeforeChange / aofKeyAdded. */
export let rewriteActive: bool = false;
/** The group in which a change made now will become durable; 0: replies need not wait. */
export let aofGateSeq: i64 = 0;
/** The last group that got anything: who reads while it is not durable may see what a crash would take back. */
export let aofFedSeq: i64 = 0;
/** Whether commands that write are refused because the file cannot be written. */
export let aofDenyWrite: bool = false;

let pending: Builder = changetype<Builder>(memory.data(16, 16));
let group: Builder = changetype<Builder>(memory.data(16, 16)); // written, not yet durable
let groupOpen: i64 = 1; // number of the group being collected
let groupNumber: i64 = 0; // number of the one in `group`
let groupFd: i32 = -1;
let groupBase: i64 = 0; // length of its file before it
let groupFlying: bool = false; // its fsync is under way
let selectedDb: i32 = -1;
let stampSeconds: i64 = 0;

let fd: i32 = -1;
/** Length of the INCR file, and how much of it is known to be on disk. */
export let fileSize: i64 = 0;
let syncedSize: i64 = 0;
let syncFlying: bool = false;
let syncSize: i64 = 0; // what the fsync under way covers
let syncFd: i32 = -1;
let lastSync: i64 = 0; // seconds
let postponedSince: i64 = 0;
let closingFd: i32 = -1;
let repairNeeded: bool = false;
let lastErrorLog: i64 = -100;
/** The negated errno of the last failed write; statuses for INFO. */
export let lastWriteErrno: i32 = 0;
export let lastWriteOk: bool = true;
let backgroundSyncOk: bool = true;
export let delayedSyncs: i64 = 0;
/** Bytes in all files of the log, and how many there were after the last rewrite. */
export let currentSize: i64 = 0;
export let rewriteBaseSize: i64 = 0;

export function aofSizes(current: i64, base: i64): void {
  currentSize = current;
  rewriteBaseSize = base;
}
export function aofSaysEnabled(): bool {
  return aofState != AOF_OFF;
}
export function aofStateSet(state: u32): void {
  aofState = state;
  aofEnabled = state != AOF_OFF;
  gateUpdate();
}
export function rewriteActiveSet(active: bool): void {
  rewriteActive = active;
}
export function aofBufferLength(): u32 {
  return pending.length + group.length;
}
export function aofBufferBytes(): u32 {
  return pending.capacity + group.capacity;
}
export function aofSyncPending(): bool {
  return syncFlying;
}
export function aofWriteOk(): bool {
  return lastWriteOk && backgroundSyncOk;
}
export function aofFd(): i32 {
  return fd;
}

/** After a change of state or of `appendfsync`. */
export function gateUpdate(): void {
  aofGateSeq = aofState == AOF_ON && cfg.appendfsync == FSYNC_ALWAYS ? groupOpen : 0;
}
function denyUpdate(): void {
  aofDenyWrite = aofEnabled && !(lastWriteOk && backgroundSyncOk);
}
/** Appends why writes are refused, as Redis says it. */
export function putDenyText(b: Builder): void {
  putText(b, "MISCONF Errors writing to the AOF file: ");
  putErrno(b, lastWriteErrno);
}

// --- collecting ---------------------------------------------------------------------------------------------------------
const selectText: Builder = changetype<Builder>(memory.data(16, 16));

function append(p: usize, n: u32): void {
  if (builderRoom(pending, n)) {
    putBytes(pending, p, n);
    return;
  }
  // No memory to wait in: what was collected goes out now, and this command after it.
  pending.failed = 0;
  if (pending.length) flushNow();
  if (!pending.length && !group.length) {
    builderRelease(pending);
    if (builderRoom(pending, n)) {
      putBytes(pending, p, n);
      return;
    }
    pending.failed = 0;
    if (writeAll(fd, p, n) == n) {
      fileSize += n;
      currentSize += n;
      return;
    }
  }
  // Neither memory nor disk takes it: going on would let the file miss a change.
  log(LOG_WARNING, "Out of memory while appending to the AOF, and the file cannot be written. Exiting...");
  unreachable();
}

/** Appends RESP commands (complete) that were executed in database `db`. */
export function aofFeed(db: u32, p: usize, n: u32): void {
  if (!aofEnabled || fd < 0) return;
  aofFedSeq = aofGateSeq;
  if (load<i32>(aofTimestampEnabled) && stampSeconds != nowMs / 1000) {
    stampSeconds = nowMs / 1000;
    builderReset(selectText);
    putText(selectText, "#TS:");
    putInt(selectText, stampSeconds);
    putText(selectText, "\r\n");
    append(selectText.data, selectText.length);
  }
  if (<i32>db != selectedDb) {
    selectedDb = db;
    builderReset(selectText);
    putText(selectText, db < 10 ? "*2\r\n$6\r\nSELECT\r\n$1\r\n" : db < 100 ? "*2\r\n$6\r\nSELECT\r\n$2\r\n" : db < 1000 ? "*2\r\n$6\r\nSELECT\r\n$3\r\n" : db < 10000 ? "*2\r\n$6\r\nSELECT\r\n$4\r\n" : "*2\r\n$6\r\nSELECT\r\n$5\r\n");
    putInt(selectText, db);
    putText(selectText, "\r\n");
    append(selectText.data, selectText.length);
  }
  append(p, n);
}

// --- failures ---------------------------------------------------------------------------------------------------------------
function errorLogDue(): bool {
  const now = nowMs / 1000;
  if (now - lastErrorLog <= 30) return false;
  lastErrorLog = now;
  return true;
}
/** Cuts a file back to `size` after a write that did not complete. */
function repair(file: i32, size: i64, say: bool): void {
  const r = sys_ftruncate(file, <f64>size);
  repairNeeded = r < 0;
  if (r < 0 && say) {
    logBegin(LOG_WARNING, "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next time it starts.  ftruncate: ");
    logErrno(r);
    logEnd();
  }
}
function writeFailed(written: u32, expected: u32, errno: i32): bool {
  const say = errorLogDue();
  if (say) {
    if (!written) {
      logBegin(LOG_WARNING, "Error writing to the AOF file: ");
      logErrno(errno);
    } else {
      logBegin(LOG_WARNING, "Short write while writing to the AOF file: (nwritten=");
      logInt(written);
      logText(", expected=");
      logInt(expected);
      logText(")");
    }
    logEnd();
  }
  lastWriteErrno = errno;
  lastWriteOk = false;
  denyUpdate();
  return say;
}
function writeSucceeded(): void {
  if (!lastWriteOk) {
    log(LOG_WARNING, "AOF write error looks solved, Redis can write again.");
    lastErrorLog = -100;
  }
  lastWriteOk = true;
  denyUpdate();
}
function emptied(b: Builder): void {
  if (b.capacity > BUFFER_KEEP) builderRelease(b);
  else builderReset(b);
}

// --- always: groups -----------------------------------------------------------------------------------------------------------
function groupTake(): void {
  const b = group;
  group = pending;
  pending = b;
  groupNumber = groupOpen++;
  groupFd = fd;
  groupBase = fileSize;
  gateUpdate();
}
/** Writes the group and asks for its fsync. */
function groupWrite(): void {
  if (repairNeeded) {
    repair(groupFd, groupBase, false);
    if (repairNeeded) return;
  }
  const start = cfg.latencyMonitorThreshold ? ustime() : 0;
  const n = writeAll(groupFd, group.data, group.length);
  if (start) latencySample("aof-write", (ustime() - start) / 1000);
  if (n != group.length) {
    groupFailed(n, writeErrno);
    return;
  }
  const r = sys_ring_fsync(groupFd, 1, TOKEN_GROUP);
  if (r < 0) {
    groupFailed(n, r);
    return;
  }
  groupFlying = true;
  syncStart = cfg.latencyMonitorThreshold ? ustime() : 0;
  if (groupFd == fd) fileSize = groupBase + group.length;
}
let syncStart: i64 = 0;
function groupFailed(written: u32, errno: i32): void {
  const say = writeFailed(written == group.length ? 0 : written, group.length, errno);
  repair(groupFd, groupBase, say);
  if (groupFd == fd) fileSize = groupBase;
  // Everybody who waits is told: nothing that follows can be written before this group is.
  gateFail(groupOpen++);
  gateUpdate();
}
function groupDone(result: i32): void {
  groupFlying = false;
  if (syncStart) latencySample("aof-fsync-always", (ustime() - syncStart) / 1000);
  if (result < 0) {
    groupFailed(group.length, result);
    return;
  }
  currentSize += group.length;
  if (groupFd == fd) syncedSize = fileSize;
  else {
    // The last group of the file that a rewrite left behind.
    sys_close(groupFd);
  }
  emptied(group);
  groupFd = -1;
  lastSync = nowMs / 1000;
  gateOpen(groupNumber);
  writeSucceeded();
}
function flushAlways(retry: bool): void {
  if (groupFlying) return;
  if (group.length) {
    if (retry) groupWrite(); // one that failed: by the clock only
    return;
  }
  if (!pending.length) {
    // A change from another policy: what that left unsynced.
    if (syncedSize != fileSize && !syncFlying) syncBackground();
    return;
  }
  if (syncFlying && syncFd == fd) return;
  groupTake();
  groupWrite();
}

// --- everysec and no ------------------------------------------------------------------------------------------------------------------
function syncBackground(): void {
  lastSync = nowMs / 1000;
  if (sys_ring_fsync(fd, 1, TOKEN_BACKGROUND) < 0) return;
  syncFlying = true;
  syncFd = fd;
  syncSize = fileSize;
}
function flushLazy(force: bool): void {
  const seconds = nowMs / 1000;
  if (group.length && !groupFlying) {
    // Left by `always` before the policy changed, after a failure: it goes first.
    groupWrite();
    return;
  }
  if (groupFlying) return;
  if (pending.length) {
    if (cfg.appendfsync == FSYNC_EVERYSEC && !force && syncFlying) {
      if (!postponedSince) {
        postponedSince = seconds;
        return;
      }
      if (seconds - postponedSince < 2) return;
      delayedSyncs++;
      log(
        LOG_NOTICE,
        "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.",
      );
    }
    if (repairNeeded) {
      repair(fd, fileSize, false);
      if (repairNeeded) return;
    }
    const start = cfg.latencyMonitorThreshold ? ustime() : 0;
    const n = writeAll(fd, pending.data, pending.length);
    if (start) {
      const ms = (ustime() - start) / 1000;
      latencySample(syncFlying ? "aof-write-pending-fsync" : rewriteRunning() ? "aof-write-active-child" : "aof-write-alone", ms);
      latencySample("aof-write", ms);
    }
    postponedSince = 0;
    if (n != pending.length) {
      const say = writeFailed(n, pending.length, writeErrno);
      if (n) repair(fd, fileSize, say);
      return;
    }
    fileSize += n;
    currentSize += n;
    emptied(pending);
    writeSucceeded();
    if (groupOpen > 1) gateOpen(groupOpen++);
  }
  if (cfg.noAppendfsyncOnRewrite && rewriteRunning()) return;
  if (cfg.appendfsync == FSYNC_EVERYSEC && syncedSize != fileSize && seconds > lastSync && !syncFlying) syncBackground();
}

/** Writes what was collected, whatever the policy would postpone. */
export function flushNow(): void {
  if (fd < 0) return;
  if (aofState == AOF_ON && cfg.appendfsync == FSYNC_ALWAYS) flushAlways(true);
  else flushLazy(true);
}
function flush(retry: bool): void {
  if (fd < 0) return;
  if (aofState == AOF_ON && cfg.appendfsync == FSYNC_ALWAYS) flushAlways(retry);
  else flushLazy(false);
}

// --- hooks of the loop ---------------------------------------------------------------------------------------------------------------------
/** Before the replies of a turn leave: writes what was fed. */
export function aofBeforeSleep(): void {
  if (aofEnabled) flush(false);
  rewriteTurn();
}
/** 10 times a second. */
export function aofCron(): void {
  if (aofEnabled) flush(true);
  rewriteCron();
}
/** A FILE event of one of our tokens. */
export function aofFileEvent(token: u32, result: i32): void {
  if (token == TOKEN_GROUP) groupDone(result);
  else if (token == TOKEN_BACKGROUND) {
    syncFlying = false;
    if (syncFd == fd && result >= 0) syncedSize = syncSize;
    if (result < 0) {
      if (backgroundSyncOk || errorLogDue()) {
        logBegin(LOG_WARNING, "Fail to fsync the AOF file: ");
        logErrno(result);
        logEnd();
      }
      lastWriteErrno = result;
      backgroundSyncOk = false;
    } else backgroundSyncOk = true;
    denyUpdate();
    closeLeft();
  } else if (token == TOKEN_CLOSE) {
    if (result < 0) {
      logBegin(LOG_WARNING, "Fail to fsync the AOF file: ");
      logErrno(result);
      logEnd();
    }
    closeReady = true;
    closeLeft();
  } else if (token == TOKEN_MANIFEST || token == TOKEN_FOLDER) {
    const r = manifestEvent(token, result);
    if (r) manifestDone(r);
  } else if (token == TOKEN_BASE) baseSynced(result);
}
let closeReady: bool = false;
function closeLeft(): void {
  if (closingFd >= 0 && closeReady && !(syncFlying && syncFd == closingFd)) {
    sys_close(closingFd);
    closingFd = -1;
  }
}

// --- files ------------------------------------------------------------------------------------------------------------------------------------------
/** From now on changes go to this file, which has `size` good bytes, all durable. */
export function fileUse(file: i32, size: i64): void {
  fd = file;
  fileSize = size;
  syncedSize = size;
  selectedDb = -1;
  stampSeconds = 0;
  repairNeeded = false;
  lastSync = nowMs / 1000;
}
/**
 * Leaves the present file for another one: everything collected so far belongs to the old one. False when that could
 * not be written (then nothing changed), or while an earlier group is not durable yet (ask again).
 */
export function fileSwitch(file: i32): bool {
  if (fd >= 0) {
    if (groupFlying || group.length || closingFd >= 0) return false;
    const always = aofState == AOF_ON && cfg.appendfsync == FSYNC_ALWAYS;
    if (always) {
      if (syncFlying) return false;
      if (pending.length) {
        groupTake();
        groupWrite();
        if (!groupFlying) return false;
        // groupDone closes the old file.
        fileUse(file, 0);
        return true;
      }
      sys_close(fd);
    } else {
      flushLazy(true);
      if (pending.length) return false;
      if (sys_ring_fsync(fd, 1, TOKEN_CLOSE) >= 0) {
        closingFd = fd;
        closeReady = false;
      } else if (!syncFlying) sys_close(fd);
    }
  }
  fileUse(file, 0);
  return true;
}
/** Writes and syncs what can be, then closes: `appendonly no`. */
export function fileLeave(): void {
  if (fd < 0) return;
  if (pending.length || group.length) {
    if (group.length && !groupFlying) groupWrite();
    if (pending.length) {
      const n = writeAll(fd, pending.data, pending.length);
      if (n != pending.length) repair(fd, fileSize, true);
    }
  }
  const r = sys_fdatasync(fd);
  if (r < 0 && r != -35) {
    logBegin(LOG_WARNING, "Fail to fsync the AOF file: ");
    logErrno(r);
    logEnd();
  }
  if (groupFlying || syncFlying || r == -35) {
    // The descriptor is closed when its last fsync has come back.
    if (sys_ring_fsync(fd, 1, TOKEN_CLOSE) >= 0) {
      closingFd = fd;
      closeReady = false;
    }
  } else sys_close(fd);
  fd = -1;
  groupFlying = false;
  groupFd = -1;
  builderRelease(pending);
  builderRelease(group);
  gateOpen(groupOpen++);
  lastWriteOk = true;
  backgroundSyncOk = true;
  repairNeeded = false;
  fileSize = 0;
  syncedSize = 0;
}

let shutdownSynced: bool = false;
/** Writes and syncs at the end; whether all is on disk. The loop asks again after each turn until it is. */
export function aofShutdown(): bool {
  if (!aofEnabled || fd < 0 || shutdownSynced) return true;
  if (groupFlying || syncFlying) return false;
  if (group.length) groupWrite();
  else if (pending.length) {
    if (cfg.appendfsync == FSYNC_ALWAYS && aofState == AOF_ON) flushAlways(true);
    else flushLazy(true);
  }
  if (group.length || pending.length || groupFlying) return false;
  if (syncedSize == fileSize) {
    shutdownSynced = true;
    return true;
  }
  const r = sys_fdatasync(fd);
  if (r == -35) {
    if (!syncFlying) syncBackground();
    return false;
  }
  syncedSize = fileSize;
  shutdownSynced = true;
  return true;
}

/** After aofShutdown answered false: whether it will be able to say more once an fsync has completed. */
export function aofShutdownWaits(): bool {
  return groupFlying || syncFlying;
}

/** About to change or remove this entry: its value is still the old one. */
export function aofBeforeChange(db: u32, entry: usize): void {
  rewriteUnmarkedKey(db, entry);
}
/** This entry is new. */
export function aofKeyAdded(db: u32, entry: usize): void {
  rewriteNewKey(db, entry);
}

export { aofLoad } from "./aof-load";
