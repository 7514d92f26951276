/** LCS: the longest common subsequence of two strings (t_string.c, lcsCommand). */
import { argI64, argInt } from "./arguments";
import { free, tryAlloc } from "../lib/raw/alloc";
import { argc, Client } from "./client";
import { ACL_STRING, argIs, CMD_READONLY, command, describe } from "./command";
import { lookupRead } from "./keyspace";
import { Obj, STRING, strView, viewLen, viewPtr } from "./object";
import {
  deferArray,
  deferBegin,
  replyArray,
  replyBulk,
  replyBulkText,
  replyError,
  replyI64,
  replyMap,
  replySyntaxError,
} from "./reply";
import { cfg } from "./server";

const scratch = memory.data(64);

function lcs(c: Client): void {
  const first = lookupRead(c, 1);
  const second = lookupRead(c, 2);
  if ((first && <u32>changetype<Obj>(first).type != STRING) || (second && <u32>changetype<Obj>(second).type != STRING)) {
    replyError(c, "ERR The specified keys must contain string values");
    return;
  }
  let a: usize = 0;
  let aLength: u32 = 0;
  let b: usize = 0;
  let bLength: u32 = 0;
  if (first) {
    strView(changetype<Obj>(first));
    a = viewPtr;
    aLength = viewLen;
    if (aLength <= 32) {
      // an integer's text is in a scratch area that the next view may reuse
      memory.copy(scratch, a, aLength);
      a = scratch;
    }
  }
  if (second) {
    strView(changetype<Obj>(second));
    b = viewPtr;
    bLength = viewLen;
  }
  let wantLength = false;
  let wantIndex = false;
  let withLength = false;
  let least: i64 = 0;
  for (let i = 3; i < argc; i++) {
    if (argIs(i, "idx")) wantIndex = true;
    else if (argIs(i, "len")) wantLength = true;
    else if (argIs(i, "withmatchlen")) withLength = true;
    else if (argIs(i, "minmatchlen") && i + 1 < argc) {
      if (!argI64(c, i + 1)) return;
      least = max<i64>(argInt, 0);
      i++;
    } else {
      replySyntaxError(c);
      return;
    }
  }
  if (wantIndex && wantLength) {
    replyError(c, "ERR If you want both the length and indexes, please just use IDX.");
    return;
  }
  if (aLength >= 0xfffffffe || bLength >= 0xfffffffe) {
    replyError(c, "ERR String too long for LCS");
    return;
  }
  const width = <u64>bLength + 1;
  const bytes = width * (<u64>aLength + 1) * 4;
  if (bytes > <u64>cfg.protoMaxBulkLen) {
    replyError(c, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return;
  }
  const table = tryAlloc(<usize>bytes);
  const result = table ? tryAlloc(min(aLength, bLength) + 1) : 0;
  if (!result) {
    free(table);
    replyError(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
    return;
  }
  const row = <usize>width << 2;
  memory.fill(table, 0, row);
  for (let i: u32 = 1; i <= aLength; i++) {
    const at = table + <usize>i * row;
    store<u32>(at, 0);
    const ch: u32 = load<u8>(a + i - 1);
    for (let j: u32 = 1; j <= bLength; j++) {
      const cell = at + (<usize>j << 2);
      if (ch == <u32>load<u8>(b + j - 1)) store<u32>(cell, load<u32>(cell - row - 4) + 1);
      else store<u32>(cell, max<u32>(load<u32>(cell - row), load<u32>(cell - 4)));
    }
  }
  let left = load<u32>(table + <usize>aLength * row + (<usize>bLength << 2));
  const total = left;
  if (wantLength) {
    free(table);
    free(result);
    replyI64(c, total);
    return;
  }
  let place: usize = 0;
  let ranges: i64 = 0;
  if (wantIndex) {
    replyMap(c, 2);
    replyBulkText(c, "matches");
    place = deferBegin(c);
  }
  let i = aLength;
  let j = bLength;
  // a range of equal bytes under way: aStart == aLength means none
  let aStart = aLength;
  let aEnd: u32 = 0;
  let bStart: u32 = 0;
  let bEnd: u32 = 0;
  while (i > 0 && j > 0) {
    let emit = false;
    if (load<u8>(a + i - 1) == load<u8>(b + j - 1)) {
      store<u8>(result + left - 1, load<u8>(a + i - 1));
      if (aStart == aLength) {
        aStart = i - 1;
        aEnd = i - 1;
        bStart = j - 1;
        bEnd = j - 1;
      } else if (aStart == i && bStart == j) {
        aStart--;
        bStart--;
      } else emit = true;
      if (aStart == 0 || bStart == 0) emit = true;
      left--;
      i--;
      j--;
    } else {
      const up = load<u32>(table + <usize>(i - 1) * row + (<usize>j << 2));
      const back = load<u32>(table + <usize>i * row + (<usize>(j - 1) << 2));
      if (up > back) i--;
      else j--;
      if (aStart != aLength) emit = true;
    }
    if (emit) {
      const length = aEnd - aStart + 1;
      if (wantIndex && (least == 0 || <i64>length >= least)) {
        replyArray(c, withLength ? 3 : 2);
        replyArray(c, 2);
        replyI64(c, aStart);
        replyI64(c, aEnd);
        replyArray(c, 2);
        replyI64(c, bStart);
        replyI64(c, bEnd);
        if (withLength) replyI64(c, length);
        ranges++;
      }
      aStart = aLength;
    }
  }
  if (wantIndex) {
    deferArray(c, place, ranges);
    replyBulkText(c, "len");
    replyI64(c, total);
  } else replyBulk(c, result, total);
  free(table);
  free(result);
}

export function registerLcsCommand(): void {
  command("lcs", lcs, -3, CMD_READONLY, ACL_STRING, 1, 2, 1);
  describe("string", "7.0.0", "Find longest common substring", "O(N*M) where N and M are the lengths of s1 and s2, respectively");
}
