/**
 * How a parked thread and AssemblyScript's garbage collector get along. Every system call that may park goes through `park`
 * and `unpark` (calls.ts does it); nothing else in the SDK or in a guest may call a `sys_*` function that blocks.
 *
 * The problem. The `incremental` runtime finds the objects that a running function holds on a *shadow stack* in linear
 * memory: [__data_end, __heap_base), growing down from __heap_base, one for the whole module. Continuations that park and
 * resume in any order would pop each other's frames, and the collector would miss the objects of all parked ones.
 *
 * The answer. Before a call that may park, the thread's part of the shadow stack, [__stack_pointer, __heap_base), is copied to a
 * *record* and the stack is emptied for whoever runs next; after the call it is copied back to the same addresses.
 * A record is a managed StaticArray of references that is pinned. The collector visits the members of pinned objects
 * whenever it visits its roots, the last time in the very step in which it decides what is garbage, so what a parked
 * thread holds is live and exact. The array's length (`rtSize`, the word before the data) is the number of bytes that
 * are saved, and 0 while the record is not in use: no stale word is ever visited.
 *
 * Always true: while no thread runs, __stack_pointer is __heap_base. What runs first in a continuation (`_start`,
 * `thread_entry`, `ring_dispatch`) begins there.
 */
import "./abort";
import { Runtime } from "shared/runtime";

/** Bytes of a new record's data: deeper stacks get a record twice as large, and so on. */
const RECORD_BYTES_MIN: usize = 256;
/** The word before an object's data is its size in bytes: AssemblyScript's object header, `rtSize`. */
const SIZE_AT: usize = 4;

/** Records not in use: a stack of pointers in unmanaged memory. There are as many records as threads ever parked at once. */
let spare: usize = 0;
let spareCount: usize = 0;
let spareCapacity: usize = 0;
/** Bytes that a record's data has room for stand in the memory manager's header, less the collector's 16 bytes. */
const BLOCK_INFO_AT: usize = 20;
const OBJECT_OVERHEAD: usize = 16;

function capacityOf(record: usize): usize {
  return (load<usize>(record - BLOCK_INFO_AT) & ~3) - OBJECT_OVERHEAD;
}

function createRecord(bytes: usize): usize {
  let capacity = RECORD_BYTES_MIN;
  while (capacity < bytes) capacity <<= 1;
  // May run a step of the collector: the caller's frames are still in place then.
  const record = __new(capacity, idof<StaticArray<ArrayBuffer | null>>());
  store<u32>(record - SIZE_AT, 0);
  return __pin(record);
}

function takeRecord(bytes: usize): usize {
  if (spareCount == 0) return createRecord(bytes);
  const record = load<usize>(spare + --spareCount * sizeof<usize>());
  if (capacityOf(record) >= bytes) return record;
  __unpin(record); // too small for this stack: the collector takes it
  return createRecord(bytes);
}

function giveRecord(record: usize): void {
  if (spareCount == spareCapacity) {
    spareCapacity = spareCapacity ? spareCapacity * 2 : 64;
    spare = spare ? heap.realloc(spare, spareCapacity * sizeof<usize>()) : heap.alloc(spareCapacity * sizeof<usize>());
  }
  store<usize>(spare + spareCount++ * sizeof<usize>(), record);
}

/** Puts this thread's frames away before a call that may park. The result goes to `unpark` right after the call. */
export function park(): usize {
  if (ASC_RUNTIME != Runtime.Incremental) {
    ERROR("a guest that uses guests/lib needs the option --runtime incremental: extend guests/lib/asconfig.json");
  }
  // Only plain integers from here on: a managed local would give this function itself a frame on the shadow stack.
  const top = __stack_pointer;
  const bytes = __heap_base - top;
  if (bytes == 0) return 0;
  const record = takeRecord(bytes);
  memory.copy(record, top, bytes);
  store<u32>(record - SIZE_AT, <u32>bytes);
  __stack_pointer = __heap_base;
  return record;
}

/** Brings this thread's frames back after the call. */
export function unpark(record: usize): void {
  if (record == 0) {
    __stack_pointer = __heap_base;
    return;
  }
  const bytes: usize = load<u32>(record - SIZE_AT);
  const top = __heap_base - bytes;
  memory.copy(top, record, bytes);
  __stack_pointer = top;
  store<u32>(record - SIZE_AT, 0);
  giveRecord(record);
}

/** Called first in a continuation's entry function: a thread that ended by `exit` may have left its frames behind. */
// @ts-ignore: decorator
@inline
export function enter(): void {
  __stack_pointer = __heap_base;
}
