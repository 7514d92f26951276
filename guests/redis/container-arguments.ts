/**
 * Argument checks that only the container commands need. Each replies the error itself and answers false;
 * integers are left in `argInt` (arguments.ts).
 */
import { argI64, argInt } from "./arguments";
import { Client } from "./client";
import { errorBegin, errorEnd, errorText, replyError } from "./reply";

/** An integer that is not negative. */
export function argPositive(c: Client, i: i32): bool {
  if (!argI64(c, i)) return false;
  if (argInt >= 0) return true;
  replyError(c, "ERR value is out of range, must be positive");
  return false;
}

/** An integer other than the least one, whose negation would not fit. */
export function argNegatable(c: Client, i: i32): bool {
  if (!argI64(c, i)) return false;
  if (argInt != i64.MIN_VALUE) return true;
  replyError(c, "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
  return false;
}

/** The error for a number of arguments that the table's arity cannot express. */
export function replyArity(c: Client, name: string): void {
  errorBegin("ERR wrong number of arguments for '");
  errorText(name);
  errorText("' command");
  errorEnd(c);
}
