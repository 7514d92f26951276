/**
 * Argument checks that only the container commands need. Each replies the error itself and answers false;
 * integers are left in `argInt` (arguments.ts).
 */
import { free, hasRoom, tryAlloc } from "../lib/raw/alloc";
import { argI64, argInt, argRange } from "./arguments";
import { Client, argLen, argc } from "./client";
import { parseF64 } from "./double";
import { errorBegin, errorEnd, errorText, replyError, replyOom } from "./reply";

/** An integer that is not negative; Redis has one error for whatever else it is. */
export function argPositive(c: Client, i: i32): bool {
  return argRange(c, i, 0, i64.MAX_VALUE, "ERR value is out of range, must be positive");
}

/** An integer other than the least one, whose negation would not fit. */
export function argNegatable(c: Client, i: i32): bool {
  if (!argI64(c, i)) return false;
  if (argInt != i64.MIN_VALUE) return true;
  replyError(c, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
  return false;
}

/** A double as strtod(3) reads it: after white space, and nothing at all is 0. The value is in `parsedF64` (double.ts). */
export function parseLoose(p: usize, n: u32): bool {
  while (n > 0 && (load<u8>(p) == 32 || <u32>load<u8>(p) - 9 < 5)) {
    p++;
    n--;
  }
  return n > 0 ? parseF64(p, n) : parseF64(zero, 1);
}
const zero = memory.data<u8>([48]);

/**
 * Whether memory has room for a container to take `argc` elements; replies the error if not. The check that is made for every
 * command knows the bytes of the arguments only: a request of very many short ones needs several times that.
 */
export function roomForArguments(c: Client): bool {
  // Long ones are tried one by one: free memory in pieces too small for them does not help.
  let probes: usize = 0;
  let good = true;
  let bytes: f64 = <f64>argc * 80;
  for (let i = 2; i < argc && good; i++) {
    const length = argLen(i);
    bytes += <f64>length * 2;
    if (length <= LONG) continue;
    const probe = tryAlloc(<usize>length + 128);
    if (probe) {
      store<usize>(probe, probes);
      probes = probe;
    } else good = false;
  }
  while (probes) {
    const next = load<usize>(probes);
    free(probes);
    probes = next;
  }
  if (good && argc > 512) good = bytes < 4.0e9 && hasRoom(<usize>bytes);
  if (!good) replyOom(c);
  return good;
}

/** Up to this length an element is served from memory that `alloc` can count on. */
const LONG: u32 = 16384;

/** Whether an element of that length can be stored now. */
export function roomForElement(length: u32): bool {
  if (length <= LONG) return true;
  const probe = tryAlloc(<usize>length + 128);
  free(probe);
  return probe != 0;
}

/** The error for a number of arguments that the table's arity cannot express. */
export function replyArity(c: Client, name: string): void {
  errorBegin("ERR wrong number of arguments for '");
  errorText(name);
  errorText("' command");
  errorEnd(c);
}
