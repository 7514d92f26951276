/**
 * The append-only file: state and the hooks that the core calls.
 */
/** Whether changes go to a file. */
export let aofEnabled: bool = false;
/** While a rewrite runs: the keyspace calls aofBeforeChange before a key's first change. */
export let rewriteActive: bool = false;
/** With appendfsync always: output of a client that wrote leaves only when `gateDurable` (loop.ts) has reached this number. 0: no gate. */
export let aofGateSeq: i64 = 0;

/** Appends RESP commands (complete) that were executed in database `db`. */
export function aofFeed(db: u32, p: usize, n: u32): void {}
/** About to change, add or remove this entry (its value is still the old one; a new entry: its value is already in place). */
export function aofBeforeChange(db: u32, entry: usize): void {}
/** Before the replies of a turn leave: writes what was fed. */
export function aofBeforeSleep(): void {}
/** 10 times a second. */
export function aofCron(): void {}
/** A FILE event of one of its tokens. */
export function aofFileEvent(token: u32, result: i32): void {}
/** Loads the files at boot. */
export function aofLoad(): void {}
/** Flushes and syncs at the end; whether all is on disk. */
export function aofShutdown(): bool {
  return true;
}
