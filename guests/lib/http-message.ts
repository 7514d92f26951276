/**
 * Parsing of HTTP/1.1 requests (RFC 9112): the head (request line and header fields) and the body (sized or chunked).
 * Only bytes go in and nothing is sent from here; http.ts does that.
 *
 * Lenient nowhere that smuggling lives: a line ends in CRLF, no space before a colon, no folded lines, one Content-Length,
 * and never together with Transfer-Encoding.
 */

/** A head may be so long; a longer one is refused with 431. */
export const HEAD_MAX: i32 = 16 * 1024;

const CR: u8 = 0x0d;
const LF: u8 = 0x0a;
const SPACE: u8 = 0x20;
const TAB: u8 = 0x09;
const COLON: u8 = 0x3a;

/** RFC 9110, 5.6.2: the characters of a method or a field name. */
function isTokenByte(c: u8): bool {
  if (c >= 0x30 && c <= 0x39) return true;
  if ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a) return true;
  switch (c) {
    case 0x21: // !
    case 0x23: // #
    case 0x24: // $
    case 0x25: // %
    case 0x26: // &
    case 0x27: // '
    case 0x2a: // *
    case 0x2b: // +
    case 0x2d: // -
    case 0x2e: // .
    case 0x5e: // ^
    case 0x5f: // _
    case 0x60: // `
    case 0x7c: // |
    case 0x7e: // ~
      return true;
    default:
      return false;
  }
}

function isToken(ptr: usize, end: usize): bool {
  if (ptr == end) return false;
  for (; ptr < end; ptr++) if (!isTokenByte(load<u8>(ptr))) return false;
  return true;
}

function hexDigit(c: i32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function text(ptr: usize, end: usize): string {
  return String.UTF8.decodeUnsafe(ptr, end - ptr);
}

/** True if the bytes say `word` (ASCII, in lower case) in any case. */
function says(ptr: usize, end: usize, word: string): bool {
  if (end - ptr != word.length) return false;
  for (let i = 0; i < word.length; i++) {
    let c: i32 = load<u8>(ptr + i);
    if (c >= 0x41 && c <= 0x5a) c |= 0x20;
    if (c != load<u16>(changetype<usize>(word) + ((<usize>i) << 1))) return false;
  }
  return true;
}

/** True if one of the comma-separated words of [ptr, end) says `word`. */
function lists(ptr: usize, end: usize, word: string): bool {
  while (ptr < end) {
    let to = ptr;
    while (to < end && load<u8>(to) != 0x2c) to++;
    const from = skipBlanks(ptr, to);
    if (says(from, dropBlanks(from, to), word)) return true;
    ptr = to + 1;
  }
  return false;
}

function skipBlanks(ptr: usize, end: usize): usize {
  while (ptr < end && (load<u8>(ptr) == SPACE || load<u8>(ptr) == TAB)) ptr++;
  return ptr;
}

/** The end without the blanks before it. */
function dropBlanks(ptr: usize, end: usize): usize {
  while (end > ptr && (load<u8>(end - 1) == SPACE || load<u8>(end - 1) == TAB)) end--;
  return end;
}

/** Percent-decodes a path; null if it is malformed or names a NUL. */
function decodePath(ptr: usize, end: usize): string | null {
  let plain = ptr;
  while (plain < end && load<u8>(plain) != 0x25) plain++;
  if (plain == end) return text(ptr, end);
  const bytes = new StaticArray<u8>(<i32>(end - ptr));
  let length = 0;
  while (ptr < end) {
    let c: i32 = load<u8>(ptr++);
    if (c == 0x25) {
      if (end - ptr < 2) return null;
      const high = hexDigit(load<u8>(ptr));
      const low = hexDigit(load<u8>(ptr + 1));
      if (high < 0 || low < 0) return null;
      c = (high << 4) | low;
      ptr += 2;
    }
    if (c == 0) return null;
    bytes[length++] = <u8>c;
  }
  return String.UTF8.decodeUnsafe(changetype<usize>(bytes), length);
}

/** A parsed head. `error`: 0, or the status to refuse it with. Header fields are looked up in the bytes, which are lent. */
export class Head {
  error: i32 = 0;
  method: string = "";
  path: string = "/";
  query: string = "";
  minorVersion: i32 = 1;
  keepsAlive: bool = true;
  /** Bytes of body, if it is not chunked. */
  contentLength: f64 = 0;
  isChunked: bool = false;
  expectsContinue: bool = false;
  /** The field lines, without the empty line that ends them. */
  private fields: usize = 0;
  private fieldsEnd: usize = 0;
  private copy: ArrayBuffer | null = null;

  /** The length of the head at `ptr`, its empty line included; -1 if its end has not arrived. */
  static sizeOf(ptr: usize, length: i32): i32 {
    for (let i = 3; i < length; i++) {
      if (load<u8>(ptr + i) != LF) continue;
      // CRLF CRLF as one little-endian word.
      if (load<u32>(ptr + i - 3) == 0x0a0d0a0d) return i + 1;
    }
    return -1;
  }

  /** Parses a complete head of `size` bytes. */
  static parse(ptr: usize, size: i32): Head {
    const head = new Head();
    head.error = head.parseAll(ptr, ptr + size - 2);
    return head;
  }

  /** A field's value, or null; `name` in lower case. Several fields of one name: the first. */
  header(name: string): string | null {
    let ptr = this.fields;
    const end = this.fieldsEnd;
    while (ptr < end) {
      const lineEnd = endOfLine(ptr, end);
      const colon = ptr + <usize>name.length;
      if (colon < lineEnd && load<u8>(colon) == COLON && says(ptr, colon, name)) {
        const from = skipBlanks(colon + 1, lineEnd);
        return text(from, dropBlanks(from, lineEnd));
      }
      ptr = lineEnd + 2;
    }
    return null;
  }

  /** Copies what it refers to, to outlive the bytes it was parsed from. */
  keep(): void {
    const length = <i32>(this.fieldsEnd - this.fields);
    const copy = new ArrayBuffer(length);
    memory.copy(changetype<usize>(copy), this.fields, length);
    this.copy = copy;
    this.fields = changetype<usize>(copy);
    this.fieldsEnd = this.fields + length;
  }

  /** The bytes are about to go: whoever still asks finds no fields. */
  forget(): void {
    this.fields = 0;
    this.fieldsEnd = 0;
  }

  /** `end` is after the CRLF of the last line. */
  private parseAll(ptr: usize, end: usize): i32 {
    let lineEnd = endOfLine(ptr, end);
    if (lineEnd == 0) return 400;
    const error = this.parseRequestLine(ptr, lineEnd);
    if (error) return error;
    let hosts = 0;
    let lengths = 0;
    this.keepsAlive = this.minorVersion > 0;
    this.fields = lineEnd + 2;
    this.fieldsEnd = end;
    for (ptr = lineEnd + 2; ptr < end; ptr = lineEnd + 2) {
      lineEnd = endOfLine(ptr, end);
      if (lineEnd == 0) return 400;
      let colon = ptr;
      while (colon < lineEnd && isTokenByte(load<u8>(colon))) colon++;
      if (colon == ptr || colon == lineEnd || load<u8>(colon) != COLON) return 400;
      const from = skipBlanks(colon + 1, lineEnd);
      const to = dropBlanks(from, lineEnd);
      for (let p = from; p < to; p++) if (load<u8>(p) < SPACE && load<u8>(p) != TAB) return 400;
      switch (<i32>(colon - ptr)) {
        case 4:
          if (says(ptr, colon, "host")) hosts++;
          break;
        case 6:
          if (!says(ptr, colon, "expect")) break;
          if (!says(from, to, "100-continue")) return 417;
          this.expectsContinue = this.minorVersion > 0;
          break;
        case 10:
          if (!says(ptr, colon, "connection")) break;
          if (lists(from, to, "close")) this.keepsAlive = false;
          else if (this.minorVersion == 0 && lists(from, to, "keep-alive")) this.keepsAlive = true;
          break;
        case 14:
          if (!says(ptr, colon, "content-length")) break;
          lengths++;
          if (from == to) return 400;
          for (let p = from; p < to; p++) {
            const c = load<u8>(p);
            if (c < 0x30 || c > 0x39) return 400;
            this.contentLength = this.contentLength * 10 + <f64>(c - 0x30);
          }
          break;
        case 17:
          if (!says(ptr, colon, "transfer-encoding")) break;
          if (this.isChunked) return 400;
          if (!says(from, to, "chunked")) return 501;
          this.isChunked = true;
          break;
      }
    }
    if (hosts > 1 || (hosts == 0 && this.minorVersion > 0)) return 400;
    if (lengths > 1 || (this.isChunked && (lengths > 0 || this.minorVersion == 0))) return 400;
    return 0;
  }

  private parseRequestLine(ptr: usize, end: usize): i32 {
    let space = ptr;
    while (space < end && load<u8>(space) != SPACE) space++;
    if (!isToken(ptr, space)) return 400;
    // The frequent ones without a new string.
    if (space - ptr == 3 && load<u8>(ptr) == 0x47 && load<u16>(ptr, 1) == 0x5445) this.method = "GET";
    else this.method = text(ptr, space);
    let from = space + 1;
    let to = from;
    let question: usize = 0;
    for (; to < end && load<u8>(to) != SPACE; to++) {
      const c = load<u8>(to);
      if (c < 0x21 || c == 0x7f) return 400;
      if (c == 0x3f && question == 0) question = to;
    }
    if (to == from || end - to != 9) return 400;
    // "HTTP/" and two digits with a dot between (RFC 9112, 2.3).
    if (load<u32>(to + 1) != 0x50545448 || load<u8>(to + 5) != 0x2f || load<u8>(to + 7) != 0x2e) return 400;
    const major = <i32>load<u8>(to + 6) - 0x30;
    const minor = <i32>load<u8>(to + 8) - 0x30;
    if (<u32>major > 9 || <u32>minor > 9) return 400;
    if (major != 1) return 505;
    this.minorVersion = minor;
    // The absolute form, `http://host/path`, must be understood too (RFC 9112, 3.2.2).
    if (load<u8>(from) != 0x2f) {
      if (this.method == "OPTIONS" && to - from == 1 && load<u8>(from) == 0x2a) {
        this.path = "*";
        return 0;
      }
      if (to - from < 7 || !says(from, from + 7, "http://")) return 400;
      from += 7;
      while (from < to && load<u8>(from) != 0x2f && load<u8>(from) != 0x3f) from++;
    }
    const pathEnd = question ? question : to;
    const path = from < pathEnd ? decodePath(from, pathEnd) : "/";
    if (path == null) return 400;
    this.path = path;
    if (question) this.query = text(question + 1, to);
    return 0;
  }
}

/** Where the line's CRLF stands, or 0 if a bare CR or LF comes first. */
function endOfLine(ptr: usize, end: usize): usize {
  for (; ptr < end; ptr++) {
    const c = load<u8>(ptr);
    if (c == LF) return 0;
    if (c == CR) return ptr + 1 < end && load<u8>(ptr + 1) == LF ? ptr : 0;
  }
  return 0;
}

const SIZE_LINE: i32 = 0; // the line with a chunk's size
const DATA: i32 = 1;
const DATA_END: i32 = 2; // the CRLF after a chunk's data
const TRAILER: i32 = 3;
/** Chunk extensions and trailer fields are skipped; more of them than this is an attack. */
const OVERHEAD_MAX: i32 = 8192;

/** Collects a request's body as it arrives. */
export class BodyDecoder {
  error: i32 = 0;
  isComplete: bool = false;
  private data: Uint8Array;
  private used: i32 = 0;
  private state: i32 = DATA;
  private remaining: i32 = 0;
  private digits: i32 = 0;
  private isInExtension: bool = false;
  /** Bytes of the line that is being read, and whether its CR has come. */
  private lineLength: i32 = 0;
  private hasCR: bool = false;
  private overhead: i32 = 0;

  constructor(
    private isChunked: bool,
    contentLength: f64,
    private max: i32,
  ) {
    this.data = new Uint8Array(isChunked ? 1024 : <i32>contentLength);
    this.remaining = isChunked ? 0 : <i32>contentLength;
    if (isChunked) this.state = SIZE_LINE;
  }

  get bytes(): Uint8Array {
    return this.data.subarray(0, this.used);
  }

  /** Takes bytes up to the end of the body: how many. Look at `error` (a status) and `isComplete` then. */
  feed(ptr: usize, length: i32): i32 {
    let at = 0;
    while (at < length && !this.isComplete && !this.error) {
      if (this.state == DATA) {
        const n = min(this.remaining, length - at);
        this.append(ptr + at, n);
        at += n;
        this.remaining -= n;
        if (this.remaining == 0) {
          if (this.isChunked) this.state = DATA_END;
          else this.isComplete = true;
        }
      } else {
        this.feedLine(load<u8>(ptr + at++));
      }
    }
    return at;
  }

  private append(ptr: usize, length: i32): void {
    if (this.used + length > this.data.length) {
      const larger = new Uint8Array(max(this.used + length, this.data.length * 2));
      memory.copy(larger.dataStart, this.data.dataStart, this.used);
      this.data = larger;
    }
    memory.copy(this.data.dataStart + this.used, ptr, length);
    this.used += length;
  }

  /** One byte of a size line, of the line end after data, or of the trailer. */
  private feedLine(c: u8): void {
    if (this.hasCR) {
      this.hasCR = false;
      if (c != LF) this.error = 400;
      else this.endLine();
      return;
    }
    if (c == CR) {
      this.hasCR = true;
      return;
    }
    this.lineLength++;
    if (c == LF || this.state == DATA_END || ++this.overhead > OVERHEAD_MAX) {
      this.error = 400;
      return;
    }
    if (this.state != SIZE_LINE || this.isInExtension) return;
    const digit = hexDigit(c);
    if (digit >= 0) {
      if (++this.digits > 7) this.error = 413;
      this.remaining = (this.remaining << 4) | digit;
    } else if (this.digits > 0 && (c == 0x3b || c == SPACE || c == TAB)) this.isInExtension = true;
    else this.error = 400;
  }

  private endLine(): void {
    const length = this.lineLength;
    this.lineLength = 0;
    if (this.state == SIZE_LINE) {
      if (this.digits == 0) this.error = 400;
      else if (this.used + this.remaining > this.max) this.error = 413;
      this.state = this.remaining ? DATA : TRAILER;
      this.digits = 0;
      this.isInExtension = false;
    } else if (this.state == DATA_END) this.state = SIZE_LINE;
    else if (length == 0) this.isComplete = true;
  }
}
