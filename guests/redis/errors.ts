/** Counts of error replies by code (INFO errorstats) and the failure mark of the running command. */
import { Client } from "./client";
import { stats } from "./server";
import { Dict, dictFindOrAdd, dictFree, dictNew, entrySetValue, entryValue } from "./dict";

/** Set by any error reply; dispatch.ts clears it before a command and counts a failed call after it. */
export let commandFailed: bool = false;
export function commandFailedSet(value: bool): void {
  commandFailed = value;
}
/** Code -> count (the entry's value). At most 128 codes are kept. */
export let errorCounts: Dict = changetype<Dict>(0);

export function errorSeen(c: Client, p: usize, n: u32): void {
  commandFailed = true;
  stats.totalErrorReplies++;
  let length: u32 = 0;
  while (length < n && length < 64 && load<u8>(p + length) != 32) length++;
  if (!changetype<usize>(errorCounts)) errorCounts = dictNew();
  if (errorCounts.used >= 128) return;
  const e = dictFindOrAdd(errorCounts, p, length);
  if (e) entrySetValue(e, entryValue(e) + 1);
}

/** CONFIG RESETSTAT: forgets the counts. */
export function errorReset(): void {
  if (changetype<usize>(errorCounts)) dictFree(errorCounts, 0);
  errorCounts = changetype<Dict>(0);
  stats.totalErrorReplies = 0;
}
