/**
 * Advisory locks on files: records (fcntl(2): of a process, F_SETLK; of an open file description, F_OFD_SETLK) and whole files (flock(2)). They
 * bind only who asks for them. Of a file on a volume that other machines may have, too, the machine claims what its locks amount to
 * (Inode.claim): a whole file to read or to write, so machines keep each other out more than processes do.
 *
 * What always holds: the records of one owner on one file do not overlap, and neighbours of one type are one record; no two owners hold
 * records that conflict. A process' records on a file go when it closes any descriptor of that file (POSIX), those of a description
 * when its last descriptor is closed.
 */
import { EAGAIN, EDEADLK, ENOLCK } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../sched/task.ts";
import type { Timer } from "../sched/timers.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { FdTable } from "./fd-table.ts";
import type { File } from "./file.ts";
import type { Inode, LockClaim } from "./inode.ts";
import { inodeOf } from "./open-inode.ts";
import { PipeEnd } from "./pipe.ts";

/** How often what another machine claims is asked for again. */
const CLAIM_POLL_MS = 20;
/** Records in the machine. */
const RECORDS_MAX = 65536;

/** A process' descriptor table (as on Linux: it is what fork(2) makes anew), or an open file description. */
export type LockOwner = FdTable | File;

export interface LockRange {
  /** The first byte and the last, which is Infinity for "to the end of the file, wherever that will be". */
  readonly start: number;
  readonly end: number;
  readonly writes: boolean;
}

export interface RecordLock extends LockRange {
  readonly owner: LockOwner;
  /** Who set it; -1 for the lock of a description. */
  readonly pid: number;
}

class LockedFile implements Timer {
  heapIndex = -1;
  /** What it is claimed for. */
  claim: LockClaim = "none";
  readonly #inode: Inode | null;
  records: RecordLock[] = [];
  /** Descriptions that hold the whole file: true where nobody else may. */
  readonly whole = new Map<File, boolean>();
  /** Woken when anything is released. */
  readonly released = new WaitQueue();

  constructor(inode: Inode | null) {
    this.#inode = inode;
  }

  /** Another machine may have released its claim. */
  fire(): void {
    this.released.wake(0);
  }

  /** Makes sure of a claim before a lock. 0 or a negated errno. */
  ask(writes: boolean): number {
    if (this.claim === "write" || (this.claim === "read" && !writes)) return 0;
    return this.#change(writes ? "write" : "read");
  }

  /** Locks have gone: claims what the rest needs. */
  settle(): void {
    const writes = this.records.some((record) => record.writes) || [...this.whole.values()].includes(true);
    const claim = writes ? "write" : this.records.length + this.whole.size > 0 ? "read" : "none";
    if (claim !== this.claim) this.#change(claim);
  }

  #change(claim: LockClaim): number {
    const result = this.#inode?.claim?.(claim) ?? 0;
    if (result >= 0) this.claim = claim;
    return result;
  }
}

/** An fcntl(F_SETLKW) that waits. */
interface WaitingRequest {
  readonly task: Task;
  readonly locked: LockedFile;
  readonly request: RecordLock;
}

export class FileLocks {
  /** By the inode, or by what stands for it. */
  readonly #files = new WeakMap<object, LockedFile>();
  #waiting: WaitingRequest[] = [];
  /** Records and whole-file locks in force. */
  #count = 0;

  /** F_GETLK: a lock that `request` would have to wait for, or null. Of another machine's nothing is known but that it is in the way. */
  conflict(file: File, request: RecordLock): RecordLock | null {
    const locked = this.#lockedFile(file);
    const [first] = conflicts(locked, request);
    if (first) return first;
    const foreign = locked.ask(request.writes) < 0;
    locked.settle();
    return foreign ? { ...request, writes: true, pid: -1 } : null;
  }

  /**
   * F_SETLK, and F_SETLKW if `waits`: 0, -EAGAIN, -ENOLCK, WOULD_BLOCK, or -EDEADLK if somebody that would have to be waited for waits for
   * the owner itself.
   */
  lock(kernel: Kernel, file: File, request: RecordLock, waits: boolean): number {
    const locked = this.#lockedFile(file);
    const blockers = conflicts(locked, request);
    if (blockers.length > 0) {
      if (!waits) return -EAGAIN;
      if (request.pid !== -1 && this.#isDeadlock(request.owner, blockers)) return -EDEADLK;
      this.#waiting.push({ task: kernel.current, locked, request });
      return kernel.block(locked.released);
    }
    if (this.#count >= RECORDS_MAX) return -ENOLCK;
    const claimed = locked.ask(request.writes);
    if (claimed < 0) return waits ? this.#awaitClaim(kernel, locked, claimed) : claimed;
    this.#replace(locked, request, request);
    return 0;
  }

  /** F_UNLCK. */
  unlock(file: File, range: RecordLock): void {
    const locked = this.#files.get(identity(file));
    if (locked) this.#replace(locked, range, null);
  }

  /** flock(2): LOCK_SH or LOCK_EX (`exclusive`). 0, -EAGAIN or WOULD_BLOCK. A lock that is converted is given up first. */
  lockWhole(kernel: Kernel, file: File, exclusive: boolean, waits: boolean): number {
    const locked = this.#lockedFile(file);
    const { whole } = locked;
    if (whole.get(file) === exclusive) return 0;
    const held = whole.has(file);
    if (held) this.unlockWhole(file);
    if (exclusive ? whole.size > 0 : [...whole.values()].includes(true)) {
      return waits ? kernel.block(locked.released) : -EAGAIN;
    }
    const claimed = locked.ask(exclusive);
    if (claimed < 0) return waits ? this.#awaitClaim(kernel, locked, claimed) : claimed;
    whole.set(file, exclusive);
    this.#count++;
    return 0;
  }

  /** LOCK_UN. */
  unlockWhole(file: File): void {
    const locked = this.#files.get(identity(file));
    if (!locked?.whole.delete(file)) return;
    this.#count--;
    locked.settle();
    locked.released.wake(0);
  }

  /** A descriptor of `file` has been closed in `table`. */
  closed(table: FdTable, file: File): void {
    if (this.#count > 0) this.#drop(file, table);
  }

  /** Nothing refers to the description any more. */
  released(file: File): void {
    if (this.#count === 0) return;
    this.#drop(file, file);
    this.unlockWhole(file);
  }

  /** The records of `owner` on a file go. */
  #drop(file: File, owner: LockOwner): void {
    const locked = this.#files.get(identity(file));
    if (!locked) return;
    const before = locked.records.length;
    locked.records = locked.records.filter((record) => record.owner !== owner);
    if (locked.records.length === before) return;
    this.#count -= before - locked.records.length;
    locked.settle();
    locked.released.wake(0);
  }

  /** Another machine is in the way: nobody tells when it is not any more. */
  #awaitClaim(kernel: Kernel, locked: LockedFile, error: number): number {
    if (error !== -EAGAIN) return error;
    if (locked.heapIndex < 0) kernel.timers.add(locked, kernel.clock.monotonicMs() + CLAIM_POLL_MS);
    return kernel.block(locked.released);
  }

  #lockedFile(file: File): LockedFile {
    const key = identity(file);
    let locked = this.#files.get(key);
    if (!locked) {
      locked = new LockedFile(inodeOf(file));
      this.#files.set(key, locked);
    }
    return locked;
  }

  /** The owner's records give way to `range`; then `record` takes their place. */
  #replace(locked: LockedFile, range: RecordLock, record: RecordLock | null): void {
    const before = locked.records.length;
    const records: RecordLock[] = [];
    let { start, end } = range;
    for (const old of locked.records) {
      if (old.owner !== range.owner) {
        records.push(old);
      } else if (record && old.writes === record.writes && old.start <= end + 1 && start <= old.end + 1) {
        start = Math.min(start, old.start);
        end = Math.max(end, old.end);
      } else {
        if (old.start < range.start) records.push({ ...old, end: Math.min(old.end, range.start - 1) });
        if (old.end > range.end) records.push({ ...old, start: Math.max(old.start, range.end + 1) });
      }
    }
    if (record) records.push({ ...record, start, end });
    locked.records = records.sort((a, b) => a.start - b.start);
    this.#count += records.length - before;
    locked.settle();
    locked.released.wake(0);
  }

  /** True if one of `blockers` waits, directly or through others, for a lock of `owner`. */
  #isDeadlock(owner: LockOwner, blockers: readonly RecordLock[]): boolean {
    // Who has been woken or interrupted waits no more.
    this.#waiting = this.#waiting.filter(({ task, locked }) => task.waitsOn.includes(locked.released));
    const seen = new Set<LockOwner>();
    const todo = blockers.map((blocker) => blocker.owner);
    for (let other = todo.pop(); other; other = todo.pop()) {
      if (other === owner) return true;
      if (seen.has(other)) continue;
      seen.add(other);
      for (const { locked, request } of this.#waiting) {
        if (request.owner === other) todo.push(...conflicts(locked, request).map((blocker) => blocker.owner));
      }
    }
    return false;
  }
}

function conflicts(locked: LockedFile, request: RecordLock): RecordLock[] {
  return locked.records.filter(
    (lock) =>
      lock.owner !== request.owner &&
      lock.start <= request.end &&
      request.start <= lock.end &&
      (lock.writes || request.writes),
  );
}

/** What two descriptions of one file have in common. */
function identity(file: File): object {
  return inodeOf(file) ?? (file instanceof PipeEnd ? file.pipe : file);
}
