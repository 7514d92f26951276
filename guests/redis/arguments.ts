/** Arguments as numbers. Each function replies the error itself and answers false; the value is in the global named. */
import { argLen, argPtr, Client } from "./client";
import { parsedF64, parseF64 } from "./double";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { replyError, replyNotFloat, replyNotInteger } from "./reply";

export let argInt: i64 = 0;
export let argDouble: f64 = 0;
/** Milliseconds; 0: for ever. */
export let argTimeoutMs: f64 = 0;

/** An integer, or "ERR value is not an integer or out of range". */
export function argI64(c: Client, i: i32): bool {
  if (parseI64(argPtr(i), argLen(i))) {
    argInt = parsedI64;
    return true;
  }
  replyNotInteger(c);
  return false;
}
/** An integer, or the given error. */
export function argI64Error(c: Client, i: i32, error: string): bool {
  if (parseI64(argPtr(i), argLen(i))) {
    argInt = parsedI64;
    return true;
  }
  replyError(c, error);
  return false;
}
/** An integer within bounds, or the given error. */
export function argRange(c: Client, i: i32, low: i64, high: i64, error: string): bool {
  if (parseI64(argPtr(i), argLen(i)) && parsedI64 >= low && parsedI64 <= high) {
    argInt = parsedI64;
    return true;
  }
  replyError(c, error);
  return false;
}
/** A double, or "ERR value is not a valid float". */
export function argF64(c: Client, i: i32): bool {
  if (parseF64(argPtr(i), argLen(i))) {
    argDouble = parsedF64;
    return true;
  }
  replyNotFloat(c);
  return false;
}
/** A timeout in seconds with a fraction, as blocking commands take it. */
export function argTimeout(c: Client, i: i32): bool {
  if (!parseF64(argPtr(i), argLen(i))) {
    replyError(c, "ERR timeout is not a float or out of range");
    return false;
  }
  if (parsedF64 > 9223372036854775.0 || parsedF64 < -9223372036854775.0) {
    replyError(c, "ERR timeout is out of range");
    return false;
  }
  if (parsedF64 < 0.0) {
    replyError(c, "ERR timeout is negative");
    return false;
  }
  argTimeoutMs = ceil(parsedF64 * 1000.0);
  return true;
}
