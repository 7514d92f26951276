/**
 * Argument checks that only the container commands need. Each replies the error itself and answers false;
 * integers are left in `argInt` (arguments.ts).
 */
import { hasRoom } from "./alloc";
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
  if (argc <= 512) return true;
  let bytes: f64 = <f64>argc * 80;
  for (let i = 2; i < argc; i++) bytes += <f64>argLen(i) * 2;
  if (bytes < 4.0e9 && hasRoom(<usize>bytes)) return true;
  replyOom(c);
  return false;
}

/** The error for a number of arguments that the table's arity cannot express. */
export function replyArity(c: Client, name: string): void {
  errorBegin("ERR wrong number of arguments for '");
  errorText(name);
  errorText("' command");
  errorEnd(c);
}
