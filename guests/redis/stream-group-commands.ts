/** XGROUP and XACK, and what the other group commands share: looking groups up, creating consumers, the commands the file gets. */
import { argI64, argInt } from "./arguments";
import { signalReady } from "./blocked";
import { blobData, blobLength } from "../lib/raw/bytes";
import { argc, argLen, argPtr, Client } from "./client";
import { argIs } from "./command";
import { dbAdd, lastEntry, lookupWrite, signalModified, wrongType } from "./keyspace";
import { helpBegin, helpEnd, helpLine } from "./help";
import { NOTIFY_STREAM, notify } from "./notify";
import { Obj, objRelease, STREAM } from "./object";
import { propagateBegin, propagateBytes, propagateI64, propagateText } from "./propagate";
import { errorBegin, errorBytes, errorEnd, errorText, replyError, replyI64, replyOk, replyOom } from "./reply";
import { dirtyAdd } from "./server";
import { argId, argIdLoose, argIdQuiet, idMs, idSeq, propagateId } from "./stream-id";
import {
  Consumer,
  consumerFind,
  consumerNew,
  consumerRemove,
  Group,
  groupFind,
  groupNew,
  groupRemove,
  Nack,
  nackRemove,
  streamNew,
  streamOf,
} from "./stream-type";

export function unknownSubcommand(c: Client, name: string): void {
  errorBegin("ERR unknown subcommand or wrong number of arguments for '");
  errorBytes(argPtr(1), argLen(1), 128);
  errorText("'. Try ");
  errorText(name);
  errorText(" HELP.");
  errorEnd(c);
}
/** "-NOGROUP No such key '…' or consumer group '…'" with a tail. */
export function replyNoGroup(c: Client, keyArg: i32, groupArg: i32, tail: string): void {
  errorBegin("NOGROUP No such key '");
  errorBytes(argPtr(keyArg), argLen(keyArg), 4096);
  errorText("' or consumer group '");
  errorBytes(argPtr(groupArg), argLen(groupArg), 4096);
  errorText(tail);
  errorEnd(c);
}
export function replyNoSuchGroup(c: Client, keyArg: i32, groupArg: i32): void {
  errorBegin("NOGROUP No such consumer group '");
  errorBytes(argPtr(groupArg), argLen(groupArg), 4096);
  errorText("' for key name '");
  errorBytes(argPtr(keyArg), argLen(keyArg), 4096);
  errorText("'");
  errorEnd(c);
}

/** A consumer created by the way: notified and counted; 0 when memory is short. */
export function consumerCreate(c: Client, g: Group, keyArg: i32, nameArg: i32): usize {
  const k = consumerNew(g, nameArg);
  if (!k) return 0;
  notify(NOTIFY_STREAM, "xgroup-createconsumer", argPtr(keyArg), argLen(keyArg), c.db);
  dirtyAdd(1);
  return k;
}
export function propagateConsumer(keyArg: i32, groupArg: i32, nameArg: i32): void {
  propagateBegin(5);
  propagateText("XGROUP");
  propagateText("CREATECONSUMER");
  propagateBytes(argPtr(keyArg), argLen(keyArg));
  propagateBytes(argPtr(groupArg), argLen(groupArg));
  propagateBytes(argPtr(nameArg), argLen(nameArg));
}
export function propagateGroupId(keyArg: i32, groupArg: i32, g: Group): void {
  propagateBegin(7);
  propagateText("XGROUP");
  propagateText("SETID");
  propagateBytes(argPtr(keyArg), argLen(keyArg));
  propagateBytes(argPtr(groupArg), argLen(groupArg));
  propagateId(g.lastMs, g.lastSeq);
  propagateText("ENTRIESREAD");
  propagateI64(g.entriesRead);
}
/** XCLAIM that replays to exactly this pending entry. */
export function propagateClaim(keyArg: i32, groupArg: i32, g: Group, ms: u64, seq: u64, nack: Nack): void {
  const name = changetype<Consumer>(nack.consumer).name;
  propagateBegin(14);
  propagateText("XCLAIM");
  propagateBytes(argPtr(keyArg), argLen(keyArg));
  propagateBytes(argPtr(groupArg), argLen(groupArg));
  propagateBytes(blobData(name), blobLength(name));
  propagateI64(0);
  propagateId(ms, seq);
  propagateText("TIME");
  propagateI64(nack.time);
  propagateText("RETRYCOUNT");
  propagateI64(nack.count);
  propagateText("FORCE");
  propagateText("JUSTID");
  propagateText("LASTID");
  propagateId(g.lastMs, g.lastSeq);
}

let entriesRead: i64 = -1;
let makeStream: bool = false;
/** Options from argument 5 on. */
function parseOptions(c: Client, create: bool, setId: bool): bool {
  entriesRead = -1;
  makeStream = false;
  for (let i = 5; i < argc; i++) {
    if (create && argIs(i, "mkstream")) makeStream = true;
    else if ((create || setId) && i + 1 < argc && argIs(i, "entriesread")) {
      i++;
      if (!argI64(c, i)) return false;
      entriesRead = argInt;
      if (entriesRead < -1) {
        replyError(c, "ERR value for ENTRIESREAD must be positive or -1");
        return false;
      }
    } else {
      unknownSubcommand(c, "XGROUP");
      return false;
    }
  }
  return true;
}
let foundStream: usize = 0;
let foundGroup: usize = 0;
/** The key and, if `needed`, the group; false after an error reply. */
function find(c: Client, needed: bool): bool {
  const found = lookupWrite(c, 2);
  if (wrongType(c, found, STREAM)) return false;
  foundStream = found;
  foundGroup = 0;
  if (!found) {
    if (makeStream) return true;
    replyError(
      c,
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
    );
    return false;
  }
  foundGroup = groupFind(streamOf(changetype<Obj>(found)), 3);
  if (!foundGroup && needed) {
    replyNoSuchGroup(c, 2, 3);
    return false;
  }
  return true;
}
function isDollar(i: i32): bool {
  return argLen(i) == 1 && load<u8>(argPtr(i)) == 36;
}
function changed(c: Client, event: string): void {
  dirtyAdd(1);
  notify(NOTIFY_STREAM, event, argPtr(2), argLen(2), c.db);
}

export function xgroupCreate(c: Client): void {
  if (!parseOptions(c, true, false) || !find(c, false)) return;
  if (argc > 8) {
    unknownSubcommand(c, "XGROUP");
    return;
  }
  let ms: u64 = 0;
  let seq: u64 = 0;
  if (isDollar(4)) {
    if (foundStream) {
      ms = streamOf(changetype<Obj>(foundStream)).lastMs;
      seq = streamOf(changetype<Obj>(foundStream)).lastSeq;
    }
  } else {
    if (!argId(c, 4, 0)) return;
    ms = idMs;
    seq = idSeq;
  }
  if (foundGroup) {
    replyError(c, "BUSYGROUP Consumer Group name already exists");
    return;
  }
  const o = foundStream ? changetype<Obj>(foundStream) : streamNew();
  const g = groupNew(streamOf(o), 3, ms, seq, entriesRead);
  if (!g || (!foundStream && !dbAdd(c.db, argPtr(2), argLen(2), changetype<usize>(o)))) {
    if (!foundStream) objRelease(o);
    replyOom(c);
    return;
  }
  if (!foundStream) signalModified(c.db, argPtr(2), argLen(2));
  replyOk(c);
  changed(c, "xgroup-create");
}
export function xgroupSetid(c: Client): void {
  if (!parseOptions(c, false, true) || !find(c, true)) return;
  const s = streamOf(changetype<Obj>(foundStream));
  const g = changetype<Group>(foundGroup);
  if (isDollar(4)) {
    g.lastMs = s.lastMs;
    g.lastSeq = s.lastSeq;
  } else {
    if (!argIdLoose(c, 4)) return;
    g.lastMs = idMs;
    g.lastSeq = idSeq;
  }
  g.entriesRead = entriesRead;
  replyOk(c);
  changed(c, "xgroup-setid");
}
export function xgroupDestroy(c: Client): void {
  makeStream = false;
  if (!find(c, false)) return;
  const entry = lastEntry;
  if (!foundGroup) {
    replyI64(c, 0);
    return;
  }
  groupRemove(streamOf(changetype<Obj>(foundStream)), changetype<Group>(foundGroup));
  replyI64(c, 1);
  changed(c, "xgroup-destroy");
  // Readers that wait on the group learn that it is gone.
  signalReady(c.db, entry);
}
export function xgroupCreateconsumer(c: Client): void {
  makeStream = false;
  if (!find(c, true)) return;
  const g = changetype<Group>(foundGroup);
  if (consumerFind(g, 4)) replyI64(c, 0);
  else if (consumerCreate(c, g, 2, 4)) replyI64(c, 1);
  else replyOom(c);
}
export function xgroupDelconsumer(c: Client): void {
  makeStream = false;
  if (!find(c, true)) return;
  const g = changetype<Group>(foundGroup);
  const k = consumerFind(g, 4);
  if (!k) {
    replyI64(c, 0);
    return;
  }
  const pending = changetype<Consumer>(k).pel.length;
  consumerRemove(g, changetype<Consumer>(k));
  changed(c, "xgroup-delconsumer");
  replyI64(c, pending);
}
export function xgroupHelp(c: Client): void {
  helpBegin(c, "XGROUP");
  helpLine(c, "CREATE <key> <groupname> <id|$> [option]");
  helpLine(c, "    Create a new consumer group. Options are:");
  helpLine(c, "    * MKSTREAM");
  helpLine(c, "      Create the empty stream if it does not exist.");
  helpLine(c, "    * ENTRIESREAD entries_read");
  helpLine(c, "      Set the group's entries_read counter (internal use).");
  helpLine(c, "CREATECONSUMER <key> <groupname> <consumer>");
  helpLine(c, "    Create a new consumer in the specified group.");
  helpLine(c, "DELCONSUMER <key> <groupname> <consumer>");
  helpLine(c, "    Remove the specified consumer.");
  helpLine(c, "DESTROY <key> <groupname>");
  helpLine(c, "    Remove the specified group.");
  helpLine(c, "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]");
  helpLine(c, "    Set the current group ID and entries_read counter.");
  helpEnd(c);
}
export function xgroup(c: Client): void {
  unknownSubcommand(c, "XGROUP");
}

export function xack(c: Client): void {
  const found = lookupWrite(c, 1);
  if (wrongType(c, found, STREAM)) return;
  const group = found ? groupFind(streamOf(changetype<Obj>(found)), 2) : 0;
  if (!group) {
    replyI64(c, 0);
    return;
  }
  for (let i = 3; i < argc; i++) if (!argId(c, i, 0)) return;
  let n: i64 = 0;
  for (let i = 3; i < argc; i++) {
    argIdQuiet(i);
    if (nackRemove(changetype<Group>(group), idMs, idSeq)) n++;
  }
  dirtyAdd(n);
  replyI64(c, n);
}
