/**
 * WASI threads, without a libc's help: a mutex and a condition on memory.atomic.wait and .notify, counted on by several threads, and a wait that
 * ends by its timeout. The state lies at fixed addresses of the shared memory: every thread is an instance, with globals of its own. Exit code 0: all as it should be.
 */
import { proc_exit, sched_yield } from "bindings/wasi_snapshot_preview1";

// @ts-ignore: decorator
@external("wasi", "thread-spawn")
declare function threadSpawn(argument: i32): i32;

const THREADS = 4;
const ROUNDS = 200;
/** 0: free, 1: taken, 2: taken, and somebody waits. */
const LOCK: usize = 65536;
const COUNTER: usize = 65536 + 8;
const ENDED: usize = 65536 + 16;
const NEVER: usize = 65536 + 24;

function lock(): void {
  if (atomic.cmpxchg<i32>(LOCK, 0, 1) === 0) return;
  while (atomic.xchg<i32>(LOCK, 2) !== 0) atomic.wait<i32>(LOCK, 2, -1);
}

function unlock(): void {
  if (atomic.xchg<i32>(LOCK, 0) === 2) atomic.notify(LOCK, 1);
}

// @ts-ignore: exported under the standard's name
export function wasi_thread_start(tid: i32, argument: i32): void {
  if (tid <= 0) proc_exit(10);
  if (argument === 0) proc_exit(21);
  for (let i = 0; i < ROUNDS; i++) {
    lock();
    const before = load<i32>(COUNTER);
    sched_yield(); // whoever does not respect the lock is found out
    store<i32>(COUNTER, before + argument);
    unlock();
  }
  atomic.add<i32>(ENDED, 1);
  atomic.notify(ENDED, -1);
}

const command = process.argv.length > 1 ? process.argv[1] : "";
if (command == "exit-in-thread") {
  // Nobody ends but by the thread's proc_exit.
  threadSpawn(0);
  atomic.wait<i32>(NEVER, 0, -1);
} else {
  for (let i = 0; i < THREADS; i++) if (threadSpawn(i + 1) <= 0) proc_exit(11);
  for (;;) {
    const ended = atomic.load<i32>(ENDED);
    if (ended === THREADS) break;
    if (atomic.wait<i32>(ENDED, ended, -1) === 2) proc_exit(12);
  }
  if (load<i32>(COUNTER) !== ROUNDS * (1 + 2 + 3 + 4)) proc_exit(13);
  if (atomic.wait<i32>(NEVER, 1, -1) !== 1) proc_exit(14); // another value is there
  if (atomic.wait<i64>(NEVER, 0, 20_000_000) !== 2) proc_exit(15); // nobody wakes it
  if (atomic.wait<i64>(NEVER, 0x100000000, -1) !== 1) proc_exit(16); // only the upper half differs
  if (atomic.notify(NEVER, 1) !== 0) proc_exit(17);
}
