/**
 * Words of a configuration line and of the AOF manifest: split with the quoting rules of sdssplitargs, and quoted again.
 * One line at a time: the words of the last `splitWords` are `wordAt(0 … wordCount - 1)`.
 */
import { Builder, builderReset, builderRoom, putByte, putText } from "../lib/raw/builder";

const words: Builder = changetype<Builder>(memory.data(16, 16)); // bytes of all words of a line
const WORDS_MAX: i32 = 128;
const wordTable = memory.data(WORDS_MAX * 8, 16); // offset, length
export let wordCount: i32 = 0;
export function wordAt(i: i32): usize {
  return words.data + load<u32>(wordTable + (<usize>i << 3));
}
export function wordSize(i: i32): u32 {
  return load<u32>(wordTable + (<usize>i << 3), 4);
}
export function isSpace(ch: u32): bool {
  return ch == 32 || (ch >= 9 && ch <= 13) || ch == 0;
}
function hexDigit(ch: u32): i32 {
  if (ch - 48 < 10) return ch - 48;
  ch |= 32;
  return ch - 97 < 6 ? ch - 87 : -1;
}
/** Splits a line as Redis' sdssplitargs: "..." with escapes, '...'; false when quotes are not closed. */
export function splitWords(p: usize, end: usize): bool {
  builderReset(words);
  builderRoom(words, <u32>(end - p) + 16);
  wordCount = 0;
  while (true) {
    while (p < end && isSpace(load<u8>(p))) p++;
    if (p >= end) return true;
    if (wordCount == WORDS_MAX) return false;
    store<u32>(wordTable + (<usize>wordCount << 3), words.length);
    const from = words.length;
    let quote: u32 = 0;
    while (true) {
      if (p >= end) {
        if (quote) return false;
        break;
      }
      const ch: u32 = load<u8>(p);
      if (quote == 34) {
        if (ch == 92 && p + 3 < end && load<u8>(p + 1) == 120 && hexDigit(load<u8>(p + 2)) >= 0 && hexDigit(load<u8>(p + 3)) >= 0) {
          putByte(words, (hexDigit(load<u8>(p + 2)) << 4) | hexDigit(load<u8>(p + 3)));
          p += 4;
          continue;
        }
        if (ch == 92 && p + 1 < end) {
          const e: u32 = load<u8>(p + 1);
          putByte(words, e == 110 ? 10 : e == 114 ? 13 : e == 116 ? 9 : e == 98 ? 8 : e == 97 ? 7 : e);
          p += 2;
          continue;
        }
        p++;
        if (ch == 34) {
          if (p < end && !isSpace(load<u8>(p))) return false;
          break;
        }
        putByte(words, ch);
        continue;
      }
      if (quote == 39) {
        if (ch == 92 && p + 1 < end && load<u8>(p + 1) == 39) {
          putByte(words, 39);
          p += 2;
          continue;
        }
        p++;
        if (ch == 39) {
          if (p < end && !isSpace(load<u8>(p))) return false;
          break;
        }
        putByte(words, ch);
        continue;
      }
      if (isSpace(ch)) break;
      p++;
      if (ch == 34 || ch == 39) quote = ch;
      else putByte(words, ch);
    }
    store<u32>(wordTable + (<usize>wordCount << 3), words.length - from, 4);
    wordCount++;
  }
}

/** Appends bytes as a quoted word, as Redis' sdscatrepr. */
export function putQuoted(b: Builder, p: usize, n: u32): void {
  putByte(b, 34);
  for (let i: u32 = 0; i < n; i++) {
    const ch: u32 = load<u8>(p + i);
    if (ch == 92 || ch == 34) {
      putByte(b, 92);
      putByte(b, ch);
    } else if (ch == 10) putText(b, "\\n");
    else if (ch == 13) putText(b, "\\r");
    else if (ch == 9) putText(b, "\\t");
    else if (ch >= 32 && ch < 127) putByte(b, ch);
    else {
      putText(b, "\\x");
      const high = ch >> 4;
      const low = ch & 15;
      putByte(b, high < 10 ? 48 + high : 87 + high);
      putByte(b, low < 10 ? 48 + low : 87 + low);
    }
  }
  putByte(b, 34);
}
