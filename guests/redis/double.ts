/**
 * Doubles and x87 long doubles as text, exactly: the way Redis reads and prints scores and INCRBYFLOAT results.
 */
import { formatI64 } from "./number";
export let parsedF64: f64 = 0;
export const LD_NOT_FLOAT_A: i32 = -1;
export const LD_NOT_FLOAT_B: i32 = -2;
export const LD_NAN_OR_INF: i32 = -3;

/** strtod over the whole of the bytes (decimal or hexadecimal, inf, infinity); NaN and leading spaces are refused. */
export function parseF64(p: usize, n: usize): bool {
  return false;
}
/** As printf's %.17g; inf and -inf. At most 32 bytes. */
export function formatScore(dst: usize, d: f64): i32 {
  return formatI64(dst, <i64>d);
}
/** The shortest decimal that reads back as d. At most 32 bytes. */
export function formatShortest(dst: usize, d: f64): i32 {
  return formatScore(dst, d);
}
/** a + b in 64-bit-mantissa arithmetic, printed as %.17Lf without trailing zeros. The length, or one of LD_*. dst: 5200 bytes at most. */
export function addLongDouble(a: usize, aLen: usize, b: usize, bLen: usize, dst: usize): i32 {
  return LD_NOT_FLOAT_A;
}
