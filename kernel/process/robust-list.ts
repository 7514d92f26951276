/**
 * Robust futexes (set_robust_list(2), Documentation/locking/robust-futexes): when a thread ends, every lock on its list that it still holds is
 * marked with FUTEX_OWNER_DIED, and one waiter is woken. The list lies in guest memory and is an allegation: walked to a bound, every
 * pointer checked.
 */
import { wakeFutex } from "../syscall/linux/futex.ts";
import type { Process } from "./process.ts";

const FUTEX_WAITERS = 0x80000000;
const FUTEX_OWNER_DIED = 0x40000000;
const FUTEX_TID_MASK = 0x3fffffff;
/** ROBUST_LIST_LIMIT. */
const ENTRIES_MAX = 2048;
/** `struct robust_list_head` of wasm32: u32 first, i64 offset (long), u32 pending. */
export const ROBUST_LIST_HEAD_BYTES = 24;

/** Releases what thread `tid`, which has ended, holds. `head`: address of its robust_list_head. */
export function releaseRobustList(process: Process, tid: number, head: number): void {
  const { mem } = process;
  if (!mem.has(head, ROBUST_LIST_HEAD_BYTES)) return;
  const offset = mem.getI64(head + 8);
  const pending = mem.getU32(head + 16);
  let entry = mem.getU32(head);
  for (let left = ENTRIES_MAX; left > 0 && entry !== head && mem.has(entry, 4); left--) {
    const next = mem.getU32(entry);
    if (entry !== pending) release(process, tid, entry + offset);
    entry = next;
  }
  if (pending !== 0) release(process, tid, pending + offset);
}

function release(process: Process, tid: number, word: number): void {
  const { mem } = process;
  if ((word & 3) !== 0 || !mem.has(word, 4)) return;
  const value = mem.getU32(word);
  if ((value & FUTEX_TID_MASK) !== tid) return;
  mem.setU32(word, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
  if (value & FUTEX_WAITERS) wakeFutex(process, word, 1);
}
