/** KEYS and SCAN. */
import { globMatch } from "../lib/raw/bytes";
import { argLen, argPtr, Client } from "./client";
import { ACL_DANGEROUS, ACL_KEYSPACE, CMD_READONLY, command, describe } from "./command";
import { dictFirst, dictNext, entryKey, entryLength, entryValue } from "./dict";
import { dbDict, dbFind, entryExpired } from "./keyspace";
import { Obj } from "./object";
import { deferArray, deferBegin, replyArray, replyBulk, replyBulkI64 } from "./reply";
import { scanDict, scanFound, scanFoundCount, scanMatches, scanParse, scanType } from "./scan";
import { free, tryAlloc } from "../lib/raw/alloc";

function keys(c: Client): void {
  const d = dbDict(c.db);
  const all = argLen(1) == 1 && load<u8>(argPtr(1)) == 42;
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let e = dictFirst(d); e; e = dictNext(d, e)) {
    if (!all && !globMatch(argPtr(1), argLen(1), entryKey(e), entryLength(e), false)) continue;
    if (entryExpired(c.db, e)) continue;
    replyBulk(c, entryKey(e), entryLength(e));
    n++;
  }
  deferArray(c, place, n);
}

function scan(c: Client): void {
  if (!scanParse(c, 1, true)) return;
  const cursor = scanDict(dbDict(c.db));
  replyArray(c, 2);
  replyBulkI64(c, cursor);
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let i: u32 = 0; i < scanFoundCount; i++) {
    const e = load<usize>(scanFound + (<usize>i << 2));
    if (!scanMatches(entryKey(e), entryLength(e))) continue;
    if (scanType != -1 && <i32>changetype<Obj>(entryValue(e)).type != scanType) continue;
    if (entryExpired(c.db, e)) {
      // Removing it here (as Redis does) touches no other found entry.
      const length = entryLength(e);
      const key = tryAlloc(length + 1);
      if (key) {
        memory.copy(key, entryKey(e), length);
        dbFind(c.db, key, length);
        free(key);
      }
      continue;
    }
    replyBulk(c, entryKey(e), entryLength(e));
    n++;
  }
  deferArray(c, place, n);
}

export function registerScanCommands(): void {
  command("keys", keys, 2, CMD_READONLY, ACL_KEYSPACE | ACL_DANGEROUS, 0, 0, 0);
  describe("generic", "1.0.0", "Find all keys matching the given pattern", "O(N) with N being the number of keys in the database");
  command("scan", scan, -2, CMD_READONLY, ACL_KEYSPACE, 0, 0, 0);
  describe("generic", "2.8.0", "Incrementally iterate the keys space", "O(1) for every call. O(N) for a complete iteration.");
}
