/**
 * The files of the append-only log as files: paths in `appenddirname`, opening, whole writes, and the manifest's way to the disk.
 *
 * Inside a callback fsync(2) cannot wait, so `manifestPersist` goes on in completion events: temporary file, fsync, rename, fsync of the
 * folder. One persist at a time; `manifestPersisted` (aof-rewrite.ts) hears how it ended. At boot `manifestPersistNow` does the same at once.
 */
import {
  sys_close,
  sys_fstat,
  sys_fstatat,
  sys_fsync,
  sys_mkdirat,
  sys_openat,
  sys_renameat,
  sys_ring_fsync,
  sys_unlinkat,
  sys_write,
} from "../lib/sys";
import { putManifest } from "./aof-manifest";
import { Builder, builderReset, putByte, putBytes, putText } from "../lib/raw/builder";
import { blobData, blobLength } from "../lib/raw/bytes";
import { putErrno } from "../lib/raw/errno-text";
import { LOG_WARNING, cfg, logBegin, logBytes, logEnd, logText } from "./server";

export const AT_FDCWD: i32 = -100;
export const O_RDONLY: i32 = 0;
/** O_WRONLY | O_CREAT | O_TRUNC */
export const O_NEW: i32 = 0x241;
/** O_WRONLY | O_CREAT | O_TRUNC | O_APPEND: a new INCR file. After a cut the next write must go to the new end, not leave a hole. */
export const O_NEW_ADD: i32 = 0x641;
/** O_WRONLY | O_CREAT | O_APPEND */
export const O_ADD: i32 = 0x441;
const O_DIRECTORY: i32 = 0x10000;
const MODE: i32 = 0x1a4; // 0644

export const TOKEN_GROUP: u32 = 1; // the fsync of a group of writes (appendfsync always)
export const TOKEN_BACKGROUND: u32 = 2; // the fsync of each second
export const TOKEN_MANIFEST: u32 = 3;
export const TOKEN_FOLDER: u32 = 4;
export const TOKEN_BASE: u32 = 5; // the new BASE file
export const TOKEN_CLOSE: u32 = 6; // the INCR file that was left at the start of a rewrite

// --- paths ------------------------------------------------------------------------------------------------------
/** The path made last by one of the functions below. A second one goes into `other`. */
export const path: Builder = changetype<Builder>(memory.data(16, 16));
export const other: Builder = changetype<Builder>(memory.data(16, 16));

function folderInto(b: Builder): void {
  builderReset(b);
  putBytes(b, blobData(cfg.appenddirname), blobLength(cfg.appenddirname));
}
/** appenddirname/NAME */
export function pathOf(b: Builder, name: usize): void {
  folderInto(b);
  putByte(b, 47);
  putBytes(b, blobData(name), blobLength(name));
}
/** appenddirname/PREFIX appendfilename SUFFIX */
export function pathWith(b: Builder, prefix: string, suffix: string): void {
  folderInto(b);
  putByte(b, 47);
  putText(b, prefix);
  putBytes(b, blobData(cfg.appendfilename), blobLength(cfg.appendfilename));
  putText(b, suffix);
}

export function openPath(b: Builder, flags: i32): i32 {
  return sys_openat(AT_FDCWD, b.data, b.length, flags, MODE);
}
export function unlinkPath(b: Builder): i32 {
  return sys_unlinkat(AT_FDCWD, b.data, b.length, 0);
}
export function renamePath(from: Builder, to: Builder): i32 {
  return sys_renameat(AT_FDCWD, from.data, from.length, AT_FDCWD, to.data, to.length);
}
/** Makes the folder of the log unless it is there; 0 or a negated errno. */
export function folderMake(): i32 {
  folderInto(path);
  const r = sys_mkdirat(AT_FDCWD, path.data, path.length, 0x1ed);
  return r == -17 ? 0 : r;
}
const statBuffer = memory.data(144, 16);
/** Size of a file, or a negated errno. */
export function sizeOfPath(b: Builder): i64 {
  const r = sys_fstatat(AT_FDCWD, b.data, b.length, statBuffer, 0);
  return r < 0 ? r : load<i64>(statBuffer, 48);
}
export function sizeOfFd(fd: i32): i64 {
  const r = sys_fstat(fd, statBuffer);
  return r < 0 ? r : load<i64>(statBuffer, 48);
}
export function folderExists(): bool {
  folderInto(path);
  return sys_fstatat(AT_FDCWD, path.data, path.length, statBuffer, 0) == 0 && (load<u32>(statBuffer, 24) & 0xf000) == 0x4000;
}

/** The errno of the last `writeAll` that wrote less than it should. */
export let writeErrno: i32 = 0;
/** Writes all of it if that can be done; how many bytes went. */
export function writeAll(fd: i32, p: usize, n: u32): u32 {
  let done: u32 = 0;
  writeErrno = 0;
  while (done < n) {
    const r = sys_write(fd, p + done, min<u32>(n - done, 1 << 30));
    if (r == -4) continue;
    if (r <= 0) {
      writeErrno = r < 0 ? r : -28;
      break;
    }
    done += r;
  }
  return done;
}

const errnoText: Builder = changetype<Builder>(memory.data(16, 16));
/** Adds the text of a negated errno to the log line under way. */
export function logErrno(result: i32): void {
  builderReset(errnoText);
  putErrno(errnoText, result);
  logBytes(errnoText.data, errnoText.length);
}
/** "TEXT PATH: errno text" as a warning. */
export function warnPath(text: string, b: Builder, result: i32): void {
  logBegin(LOG_WARNING, text);
  logBytes(b.data, b.length);
  logText(": ");
  logErrno(result);
  logEnd();
}

// --- the manifest on disk ----------------------------------------------------------------------------------------------
const manifestText: Builder = changetype<Builder>(memory.data(16, 16));
let persistFd: i32 = -1;
export let persisting: bool = false;

/** Writes the temporary manifest; its descriptor or a negated errno. */
function writeTemporary(): i32 {
  builderReset(manifestText);
  putManifest(manifestText);
  if (manifestText.failed) return -12;
  pathWith(path, "temp-", ".manifest");
  const fd = openPath(path, O_NEW);
  if (fd < 0) {
    warnPath("Can't open the AOF manifest file ", path, fd);
    return fd;
  }
  if (writeAll(fd, manifestText.data, manifestText.length) == manifestText.length) return fd;
  warnPath("Error trying to write the temporary AOF manifest file ", path, writeErrno);
  sys_close(fd);
  return writeErrno;
}
function renameTemporary(): i32 {
  pathWith(path, "temp-", ".manifest");
  pathWith(other, "", ".manifest");
  const r = renamePath(path, other);
  if (r < 0) warnPath("Error trying to rename the temporary AOF manifest file ", path, r);
  return r;
}

/** Starts writing the manifest; false when that failed at once. Else `manifestEvent` brings it to its end. */
export function manifestPersist(): bool {
  const fd = writeTemporary();
  if (fd < 0) return false;
  persistFd = fd;
  const r = sys_ring_fsync(fd, 0, TOKEN_MANIFEST);
  if (r < 0) {
    sys_close(fd);
    return false;
  }
  persisting = true;
  return true;
}

/**
 * A completion of TOKEN_MANIFEST or TOKEN_FOLDER: 1 when all is done, 0 when there is more to come, 2 when the new manifest is in its place
 * but the folder could not be synced (either manifest may be found after a power cut: what both name must stay), else a negated errno.
 */
export function manifestEvent(token: u32, result: i32): i32 {
  sys_close(persistFd);
  persistFd = -1;
  if (result < 0 && token == TOKEN_FOLDER) {
    persisting = false;
    folderInto(path);
    warnPath("Fail to fsync AOF directory ", path, result);
    return 2;
  }
  if (result < 0) {
    persisting = false;
    pathWith(path, "temp-", ".manifest");
    warnPath("Fail to fsync the temp AOF file ", path, result);
    return result;
  }
  if (token == TOKEN_FOLDER) {
    persisting = false;
    return 1;
  }
  const r = renameTemporary();
  if (r < 0) {
    persisting = false;
    return r;
  }
  folderInto(path);
  persistFd = openPath(path, O_DIRECTORY);
  // A file system whose folders cannot be opened or synced has done what it can.
  if (persistFd >= 0 && sys_ring_fsync(persistFd, 0, TOKEN_FOLDER) >= 0) return 0;
  if (persistFd >= 0) sys_close(persistFd);
  persistFd = -1;
  persisting = false;
  return 1;
}

/** Writes the manifest at once (boot); 0 or a negated errno. */
export function manifestPersistNow(): i32 {
  const fd = writeTemporary();
  if (fd < 0) return fd;
  let r = sys_fsync(fd);
  sys_close(fd);
  if (r < 0 && r != -35) {
    warnPath("Fail to fsync the temp AOF file ", path, r);
    return r;
  }
  r = renameTemporary();
  if (r < 0) return r;
  folderInto(path);
  const folder = openPath(path, O_DIRECTORY);
  if (folder >= 0) {
    sys_fsync(folder);
    sys_close(folder);
  }
  return 0;
}
