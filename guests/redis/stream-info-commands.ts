/** XINFO: STREAM [FULL], GROUPS, CONSUMERS, HELP. */
import { argI64, argInt } from "./arguments";
import { argc, Client } from "./client";
import { argIs } from "./command";
import { helpBegin, helpEnd, helpLine } from "./help";
import { IdMap, mapFirst, mapForward, mapLast, recordMs, recordSeq, recordValue } from "./id-map";
import { lookupRead, wrongType } from "./keyspace";
import { Obj, STREAM } from "./object";
import { deferArray, deferBegin, replyArray, replyBulkText, replyI64, replyMap, replyNoKey, replyNull } from "./reply";
import { nowMs } from "./server";
import { replyName } from "./stream-claim-commands";
import { replyEntry } from "./stream-commands";
import { replyNoSuchGroup, unknownSubcommand } from "./stream-group-commands";
import { replyId } from "./stream-id";
import {
  Consumer,
  firstMs,
  firstSeq,
  Group,
  groupFind,
  Nack,
  nameAt,
  Stream,
  streamDistance,
  streamFirst,
  streamOf,
  streamTombstonesFrom,
} from "./stream-type";

/** The stream at argument 2, or 0 after a reply. */
function stream(c: Client): usize {
  const found = lookupRead(c, 2);
  if (!found) {
    replyNoKey(c);
    return 0;
  }
  if (wrongType(c, found, STREAM)) return 0;
  return changetype<usize>(streamOf(changetype<Obj>(found)));
}
function replyRead(c: Client, g: Group): void {
  if (g.entriesRead == -1) replyNull(c);
  else replyI64(c, g.entriesRead);
}
/** Entries the group has not been given yet; null where deletions make it unknowable. */
function replyLag(c: Client, s: Stream, g: Group): void {
  if (!s.added) replyI64(c, 0);
  else if (g.entriesRead != -1 && !streamTombstonesFrom(s, g.lastMs, g.lastSeq)) replyI64(c, <i64>s.added - g.entriesRead);
  else {
    const read = streamDistance(s, g.lastMs, g.lastSeq);
    if (read == -1) replyNull(c);
    else replyI64(c, <i64>s.added - read);
  }
}

export function xinfo(c: Client): void {
  unknownSubcommand(c, "XINFO");
}
export function xinfoStream(c: Client): void {
  const p = stream(c);
  if (!p) return;
  const s = changetype<Stream>(p);
  let full = false;
  let count: i64 = 10;
  if (argc > 3) {
    if (!argIs(3, "full") || (argc != 4 && (argc != 6 || !argIs(4, "count")))) {
      unknownSubcommand(c, "XINFO");
      return;
    }
    full = true;
    if (argc == 6) {
      if (!argI64(c, 5)) return;
      count = argInt < 0 ? 10 : argInt;
    }
  }
  replyMap(c, full ? 9 : 10);
  replyBulkText(c, "length");
  replyI64(c, s.entries.length);
  replyBulkText(c, "radix-tree-keys");
  replyI64(c, s.entries.nodeCount);
  replyBulkText(c, "radix-tree-nodes");
  replyI64(c, s.entries.nodeCount + 1);
  replyBulkText(c, "last-generated-id");
  replyId(c, s.lastMs, s.lastSeq);
  replyBulkText(c, "max-deleted-entry-id");
  replyId(c, s.deletedMs, s.deletedSeq);
  replyBulkText(c, "entries-added");
  replyI64(c, s.added);
  replyBulkText(c, "recorded-first-entry-id");
  streamFirst(s);
  replyId(c, firstMs, firstSeq);
  if (!full) {
    replyBulkText(c, "groups");
    replyI64(c, s.groups.count);
    replyBulkText(c, "first-entry");
    replyEnd(c, mapFirst(s.entries));
    replyBulkText(c, "last-entry");
    replyEnd(c, mapLast(s.entries));
    return;
  }
  replyBulkText(c, "entries");
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let r = mapFirst(s.entries); r && (!count || n < count); r = mapForward(s.entries)) {
    replyEntry(c, r);
    n++;
  }
  deferArray(c, place, n);
  replyBulkText(c, "groups");
  replyArray(c, s.groups.count);
  for (let i: u32 = 0; i < s.groups.count; i++) replyGroup(c, s, changetype<Group>(nameAt(s.groups, i)), count);
}
function replyEnd(c: Client, r: usize): void {
  if (r) replyEntry(c, r);
  else replyNull(c);
}
function replyPending(c: Client, pel: IdMap, count: i64, withConsumer: bool): void {
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let r = mapFirst(pel); r && (!count || n < count); r = mapForward(pel)) {
    const nack = changetype<Nack>(recordValue(r));
    replyArray(c, withConsumer ? 4 : 3);
    replyId(c, recordMs(r), recordSeq(r));
    if (withConsumer) replyName(c, changetype<Consumer>(nack.consumer).name);
    replyI64(c, nack.time);
    replyI64(c, nack.count);
    n++;
  }
  deferArray(c, place, n);
}
function replyGroup(c: Client, s: Stream, g: Group, count: i64): void {
  replyMap(c, 7);
  replyBulkText(c, "name");
  replyName(c, g.name);
  replyBulkText(c, "last-delivered-id");
  replyId(c, g.lastMs, g.lastSeq);
  replyBulkText(c, "entries-read");
  replyRead(c, g);
  replyBulkText(c, "lag");
  replyLag(c, s, g);
  replyBulkText(c, "pel-count");
  replyI64(c, g.pel.length);
  replyBulkText(c, "pending");
  replyPending(c, g.pel, count, true);
  replyBulkText(c, "consumers");
  replyArray(c, g.consumers.count);
  for (let i: u32 = 0; i < g.consumers.count; i++) {
    const k = changetype<Consumer>(nameAt(g.consumers, i));
    replyMap(c, 4);
    replyBulkText(c, "name");
    replyName(c, k.name);
    replyBulkText(c, "seen-time");
    replyI64(c, k.seen);
    replyBulkText(c, "pel-count");
    replyI64(c, k.pel.length);
    replyBulkText(c, "pending");
    replyPending(c, k.pel, count, false);
  }
}
export function xinfoGroups(c: Client): void {
  const p = stream(c);
  if (!p) return;
  const s = changetype<Stream>(p);
  replyArray(c, s.groups.count);
  for (let i: u32 = 0; i < s.groups.count; i++) {
    const g = changetype<Group>(nameAt(s.groups, i));
    replyMap(c, 6);
    replyBulkText(c, "name");
    replyName(c, g.name);
    replyBulkText(c, "consumers");
    replyI64(c, g.consumers.count);
    replyBulkText(c, "pending");
    replyI64(c, g.pel.length);
    replyBulkText(c, "last-delivered-id");
    replyId(c, g.lastMs, g.lastSeq);
    replyBulkText(c, "entries-read");
    replyRead(c, g);
    replyBulkText(c, "lag");
    replyLag(c, s, g);
  }
}
export function xinfoConsumers(c: Client): void {
  const p = stream(c);
  if (!p) return;
  const found = groupFind(changetype<Stream>(p), 3);
  if (!found) {
    replyNoSuchGroup(c, 2, 3);
    return;
  }
  const g = changetype<Group>(found);
  replyArray(c, g.consumers.count);
  for (let i: u32 = 0; i < g.consumers.count; i++) {
    const k = changetype<Consumer>(nameAt(g.consumers, i));
    replyMap(c, 3);
    replyBulkText(c, "name");
    replyName(c, k.name);
    replyBulkText(c, "pending");
    replyI64(c, k.pel.length);
    replyBulkText(c, "idle");
    replyI64(c, max<i64>(nowMs - k.seen, 0));
  }
}
export function xinfoHelp(c: Client): void {
  helpBegin(c, "XINFO");
  helpLine(c, "CONSUMERS <key> <groupname>");
  helpLine(c, "    Show consumers of <groupname>.");
  helpLine(c, "GROUPS <key>");
  helpLine(c, "    Show the stream consumer groups.");
  helpLine(c, "STREAM <key> [FULL [COUNT <count>]");
  helpLine(c, "    Show information about the stream.");
  helpEnd(c);
}
