/**
 * Robust futexes (set_robust_list(2), Documentation/locking/robust-futexes): when a thread ends, every lock on its list that it still holds is
 * marked with FUTEX_OWNER_DIED, and one waiter is woken. The list lies in guest memory and is an allegation: walked to a bound, every
 * pointer checked.
 */
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from "../abi/futex.ts";
import { passToWaiter, wakeFutex } from "../syscall/linux/futex.ts";
import type { Process } from "./process.ts";

/** ROBUST_LIST_LIMIT. */
const ENTRIES_MAX = 2048;
/** Bit 0 of a pointer in the list: the futex inherits priorities. */
const PRIORITY_INHERITANCE = 1;

/**
 * `struct robust_list_head`: pointer first, long offset, pointer pending. The program's long may have 32 or 64 bits: the size that it
 * gives tells which.
 */
export interface RobustList {
  readonly head: number;
  readonly bytes: number;
}

export const ROBUST_LIST_HEAD_BYTES = 24;
export const ROBUST_LIST_HEAD_BYTES_LONG32 = 12;

/** Releases what thread `tid`, which has ended, holds. */
export function releaseRobustList(process: Process, tid: number, { head, bytes }: RobustList): void {
  const { mem } = process;
  if (!mem.has(head, bytes)) return;
  const isWide = bytes === ROBUST_LIST_HEAD_BYTES;
  const offset = isWide ? mem.getI64(head + 8) : mem.getI32(head + 4);
  const pending = mem.getU32(head + (isWide ? 16 : 8));
  let entry = mem.getU32(head);
  for (let left = ENTRIES_MAX; left > 0; left--) {
    const address = entry & ~PRIORITY_INHERITANCE;
    if (address >>> 0 === head || !mem.has(address >>> 0, 4)) break;
    const next = mem.getU32(address >>> 0);
    if (entry !== pending) release(process, tid, entry, offset);
    entry = next;
  }
  if (pending !== 0) release(process, tid, pending, offset);
}

function release(process: Process, tid: number, entry: number, offset: number): void {
  const { mem } = process;
  const inherits = (entry & PRIORITY_INHERITANCE) !== 0;
  const word = ((entry & ~PRIORITY_INHERITANCE) >>> 0) + offset;
  if (!(word >= 0) || word % 4 !== 0 || !mem.has(word, 4)) return;
  const value = mem.getU32(word);
  if ((value & FUTEX_TID_MASK) !== tid) return;
  if (inherits) {
    passToWaiter(process, word, FUTEX_OWNER_DIED);
    return;
  }
  mem.setU32(word, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
  if (value & FUTEX_WAITERS) wakeFutex(process, word, 1);
}
