/**
 * Loading the append-only files at boot in the manifest's order (aof-replay.ts), and opening the one that is written. Whatever is wrong and not
 * repaired by the replay ends the guest.
 */
import { sys_close, sys_exit_group, sys_fsync, sys_read, sys_renameat } from "../lib/sys";
import { AOF_ON, aofSizes, aofStateSet, fileUse } from "./aof";
import {
  AT_FDCWD,
  folderExists,
  folderMake,
  manifestPersistNow,
  O_ADD,
  O_NEW,
  O_RDONLY,
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
  TYPE_BASE,
  TYPE_INCR,
} from "./aof-manifest";
import {
  fileLog,
  fileLogErrno,
  LOAD_EMPTY,
  LOAD_FAILED,
  LOAD_TRUNCATED,
  loadFile,
  replayBegin,
  replayEnd,
} from "./aof-replay";
import { lastRewriteTimeSet, rewriteCollect } from "./aof-rewrite";
import { Builder, builderReset, builderRoom, putBytes } from "../lib/raw/builder";
import { blobData, blobLength, blobNew, equal } from "../lib/raw/bytes";
import { startupNote } from "./memory";
import {
  cfg,
  clockRefresh,
  log,
  LOG_NOTICE,
  LOG_WARNING,
  logBegin,
  logBytes,
  logEnd,
  logInt,
  logText,
  nowMs,
  setLoading,
  ustime,
} from "./server";

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
  if (!replayBegin(total)) quit();
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
  replayEnd();
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
