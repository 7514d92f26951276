/** Keys as `lru_crawler metadump` and the log show them: what is not unreserved in a URI (RFC 3986, 2.3) as %XX. */

// @ts-ignore: decorator
@inline
function isPlain(ch: u32): bool {
  return (ch | 32) - 97 < 26 || ch - 48 < 10 || ch == 45 || ch == 46 || ch == 95 || ch == 126;
}
function hexDigit(v: u32): u8 {
  return <u8>(v < 10 ? 48 + v : 55 + v);
}

/** Writes `n` bytes of `p` at `at`, up to three characters each; where they end. */
export function putUri(at: usize, p: usize, n: u32): usize {
  for (const end = p + n; p < end; p++) {
    const ch: u32 = load<u8>(p);
    if (isPlain(ch)) store<u8>(at++, <u8>ch);
    else {
      store<u8>(at, 37);
      store<u8>(at + 1, hexDigit(ch >> 4));
      store<u8>(at + 2, hexDigit(ch & 15));
      at += 3;
    }
  }
  return at;
}
