/** Decimal fractions: atof(3) for options and strtod(3) for the `lru tune` and `slabs automove ratio` commands. */

/** How many bytes the last parse read. */
export let parsedLength: u32 = 0;

/** The number at the beginning of the bytes, 0 if there is none. */
export function parseFloatBytes(p: usize, n: u32): f64 {
  let at: u32 = 0;
  const negative = n > 0 && load<u8>(p) == 45;
  if (negative || (n > 0 && load<u8>(p) == 43)) at++;
  let v: f64 = 0;
  let digits = 0;
  let scale: f64 = 1;
  let fraction = false;
  for (; at < n; at++) {
    const ch: u32 = load<u8>(p + at);
    if (ch == 46 && !fraction) fraction = true;
    else if (ch - 48 <= 9) {
      v = v * 10 + <f64>(ch - 48);
      if (fraction) scale *= 10;
      digits++;
    } else break;
  }
  if (!digits) {
    parsedLength = 0;
    return 0;
  }
  parsedLength = at;
  v /= scale;
  return negative ? -v : v;
}

/** A whole word as a number: parsedReal. */
export let parsedReal: f64 = 0;
export function parseReal(p: usize, n: u32): bool {
  parsedReal = parseFloatBytes(p, n);
  return n > 0 && parsedLength == n;
}
