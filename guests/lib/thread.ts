/**
 * Threads that block: each is a continuation with its own stack, and one of them runs at a time. A thread runs until it
 * waits (read, accept, sleep, a lock…); nothing preempts it. So data shared by threads needs a lock only where a thread
 * waits in the middle of a change, and a thread that computes for long should `yieldNow()` now and then.
 *
 * A guest that spawns exports the entry point:   export { thread_entry } from "../lib/thread";
 */
import { futex, sched_yield, sleep_ms, thread_join, thread_spawn } from "./calls";
import { enter } from "./continuation";
import { EAGAIN, EDEADLK, EINTR, EPERM, ETIMEDOUT } from "./errno";
import { sys_gettid } from "./sys";

const FUTEX_WAIT: i32 = 0;
const FUTEX_WAKE: i32 = 1;

/** What a new thread is to run. Pinned from `spawn` until the thread has taken it over. */
abstract class Launch {
  abstract run(): i32;
}

class Call<T> extends Launch {
  constructor(
    private fn: (argument: T) => i32,
    private argument: T,
  ) {
    super();
  }

  run(): i32 {
    return this.fn(this.argument);
  }
}

/**
 * Starts `fn(argument)` in a new thread: its id (for `join`), or a negated errno. `T` may be a class or a number. When the
 * function returns, the thread ends. When `_start` returns, the guest ends as a C program does when `main` returns: `join` first.
 */
export function spawn<T>(fn: (argument: T) => i32, argument: T): i32 {
  const launch = new Call<T>(fn, argument);
  const pinned = __pin(changetype<usize>(launch));
  const tid = thread_spawn(0, <i32>pinned);
  if (tid < 0) __unpin(pinned);
  return tid;
}

function run(pinned: usize): i32 {
  const launch = changetype<Launch>(pinned); // held by this frame from here on
  __unpin(pinned);
  return launch.run();
}

/** Called by the kernel, first thing in a new continuation. */
export function thread_entry(fn: i32, arg: i32): i32 {
  enter();
  return run(<usize>arg);
}

/** Waits for a thread to end: what its function returned (so let it return 0 or more), or a negated errno. */
export function join(tid: i32): i32 {
  const status = new StaticArray<i32>(1);
  const error = thread_join(tid, changetype<usize>(status));
  return error < 0 ? error : status[0];
}

/** The running thread's id. */
export function threadId(): i32 {
  return sys_gettid();
}

/** Lets the others run for at least so long. */
export function sleep(ms: f64): i32 {
  return sleep_ms(ms);
}

/** Lets whoever is ready run before this thread goes on. */
export function yieldNow(): i32 {
  return sched_yield();
}

/** A lock that one thread holds at a time. Not recursive. */
export class Mutex {
  /** 0 free, 1 held, 2 held and somebody may wait. The kernel waits on this word: objects never move. */
  private state: i32 = 0;
  private owner: i32 = 0;

  private get word(): usize {
    return changetype<usize>(this) + offsetof<Mutex>("state");
  }

  /** 0, or -EDEADLK if this thread holds it already (it would wait for itself). */
  lock(): i32 {
    const self = sys_gettid();
    if (this.state != 0 && this.owner == self) return -EDEADLK;
    while (this.state != 0) {
      this.state = 2;
      const error = futex(this.word, FUTEX_WAIT, 2, -1);
      if (error < 0 && error != -EAGAIN && error != -EINTR) return error;
      if (this.state == 0) {
        this.state = 2; // others may still wait behind us
        this.owner = self;
        return 0;
      }
    }
    this.state = 1;
    this.owner = self;
    return 0;
  }

  tryLock(): bool {
    if (this.state != 0) return false;
    this.state = 1;
    this.owner = sys_gettid();
    return true;
  }

  /** 0, or -EPERM if this thread does not hold it. */
  unlock(): i32 {
    if (this.state == 0 || this.owner != sys_gettid()) return -EPERM;
    const waited = this.state == 2;
    this.state = 0;
    this.owner = 0;
    if (waited) futex(this.word, FUTEX_WAKE, 1, -1);
    return 0;
  }
}

/** A place to wait for something that another thread makes true under the same mutex. */
export class Condition {
  /** Counts signals; a waiter sleeps for as long as it has not changed. */
  private sequence: i32 = 0;

  private get word(): usize {
    return changetype<usize>(this) + offsetof<Condition>("sequence");
  }

  /**
   * Gives the mutex up, waits, takes it again. Spurious wake-ups happen: wait in a loop that tests the condition.
   * 0, -ETIMEDOUT once `timeoutMs` (below 0: none) has passed, or another negated errno.
   */
  wait(mutex: Mutex, timeoutMs: f64 = -1): i32 {
    const seen = this.sequence;
    const unlocked = mutex.unlock();
    if (unlocked < 0) return unlocked;
    const error = futex(this.word, FUTEX_WAIT, seen, timeoutMs);
    const locked = mutex.lock();
    if (locked < 0) return locked;
    return error == -ETIMEDOUT ? error : 0;
  }

  /** Wakes one waiter. */
  signal(): void {
    this.sequence++;
    futex(this.word, FUTEX_WAKE, 1, -1);
  }

  /** Wakes all waiters. */
  broadcast(): void {
    this.sequence++;
    futex(this.word, FUTEX_WAKE, i32.MAX_VALUE, -1);
  }
}
