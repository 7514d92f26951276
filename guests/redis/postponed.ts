/** A request kept for later in `client.blockArgs`: argc, pairs, bytes (the layout of blocked.ts). */
import { free, tryAlloc } from "../lib/raw/alloc";
import { argc, argcSet, argLen, argPtr, argv, argvCap, argvSwap, Client, rawSet } from "./client";
import { execute } from "./dispatch";

export function postpone(c: Client): bool {
  let bytes: usize = 0;
  for (let i = 0; i < argc; i++) bytes += argLen(i);
  const block = tryAlloc(8 + (<usize>argc << 3) + bytes);
  if (!block) return false;
  store<u32>(block, argc);
  let at = block + 8 + (<usize>argc << 3);
  for (let i = 0; i < argc; i++) {
    memory.copy(at, argPtr(i), argLen(i));
    store<usize>(block + 8 + (<usize>i << 3), at);
    store<u32>(block + 8 + (<usize>i << 3), argLen(i), 4);
    at += argLen(i);
  }
  c.blockArgs = block;
  return true;
}
/** Runs the request that was kept, if there is one. */
export function runPostponed(c: Client): void {
  const block = c.blockArgs;
  if (!block) return;
  c.blockArgs = 0;
  const oldArgv = argv;
  const oldCap = argvCap;
  const oldArgc = argc;
  argvSwap(block + 8, load<u32>(block));
  argcSet(load<u32>(block));
  rawSet(0, 0);
  execute(c);
  argvSwap(oldArgv, oldCap);
  argcSet(oldArgc);
  free(block);
}
