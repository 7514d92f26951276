/**
 * HTTP/1.1 for a guest in callback style (RFC 9110 and 9112): `serve(port, handler)` parses requests and calls the handler,
 * which answers through the `Exchange`. Keep-alive, pipelining, HEAD, chunked and sized request bodies, and limits are
 * dealt with here; routes and contents are the guest's.
 *
 * Always true: one request of a connection is handled at a time, in order, and none while its output is congested. A
 * request's bytes are lent: what the handler wants to keep it copies (all strings are copies).
 */
import { Connection, Received, Server, listen } from "./connection";
import { Result } from "./errno";
import { BodyDecoder, HEAD_MAX, Head } from "./http-message";
import { turnTime } from "./ring";

/** A larger body is refused with 413. */
export const BODY_MAX: i32 = 1024 * 1024;
const IDLE_MS: f64 = 60000;

/** The reason phrases of the status codes that are in use here. */
export function reason(status: i32): string {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status " + status.toString();
  }
}

let dateSecond: f64 = -1;
let dateLine: string = "";

/** The time as an HTTP date (RFC 9110, 5.6.7): `Sat, 21 Nov 2026 08:00:00 GMT`. */
export function httpDate(ms: f64): string {
  return new Date(<i64>ms).toUTCString();
}

/** The Date field, made once a second. */
function dateField(): string {
  const second = Math.floor(turnTime() / 1000);
  if (second != dateSecond) {
    dateSecond = second;
    dateLine = "Date: " + httpDate(second * 1000) + "\r\n";
  }
  return dateLine;
}

/** One request and its answer. The handler calls exactly one of `send`, `sendBytes`, `sendFile`. */
export class Exchange {
  /** Extra header lines of the answer, each ended by CRLF. */
  private extra: string = "";
  isAnswered: bool = false;

  constructor(
    private connection: HttpConnection,
    private head: Head,
    readonly body: Uint8Array,
    private closes: bool,
  ) {}

  get method(): string {
    return this.head.method;
  }
  /** The path, percent-decoded; begins with `/`. */
  get path(): string {
    return this.head.path;
  }
  /** What stands after the `?`, as it was sent. */
  get query(): string {
    return this.head.query;
  }
  /** A request header's value (names in lower case), or null. */
  header(name: string): string | null {
    return this.head.header(name);
  }
  get isHead(): bool {
    return this.head.method == "HEAD";
  }

  /** Adds a header line to the answer. Line ends in the value would let it speak for us: they are dropped. */
  setHeader(name: string, value: string): void {
    this.extra += name + ": " + value.replaceAll("\r", "").replaceAll("\n", "") + "\r\n";
  }

  /** Answers with a text. */
  send(status: i32, text: string, type: string = "text/plain; charset=utf-8"): void {
    this.begin(status, type, <f64>String.UTF8.byteLength(text));
    if (!this.isHead && hasBody(status)) this.connection.writeText(text);
    this.finish();
  }

  /** Answers with bytes, which are not copied: they must not change afterwards. */
  sendBytes(status: i32, bytes: Uint8Array, type: string): void {
    this.begin(status, type, <f64>bytes.length);
    if (!this.isHead && hasBody(status)) this.connection.writeLent(bytes.buffer, bytes.byteOffset, bytes.length);
    this.finish();
  }

  /** Answers with an open file of that size; closes the descriptor. `close` is called for a HEAD request too. */
  sendFile(status: i32, fd: i32, size: f64, type: string): void {
    this.begin(status, type, size);
    this.connection.sendFile(fd, 0, this.isHead ? 0 : size);
    this.finish();
  }

  /** Answers 405 with the methods that would do. */
  refuseMethod(allowed: string): void {
    this.setHeader("Allow", allowed);
    this.send(405, "405 " + reason(405) + "\n");
  }

  private begin(status: i32, type: string, length: f64): void {
    assert(!this.isAnswered, "a request is answered once");
    this.isAnswered = true;
    const connection = this.connection;
    writeStatus(connection, status);
    if (hasBody(status)) {
      connection.writeText("Content-Type: ");
      connection.writeText(type);
      connection.writeText("\r\nContent-Length: ");
      connection.writeNumber(<u64>length);
      connection.writeText("\r\n");
    }
    if (this.closes) connection.writeText("Connection: close\r\n");
    else if (this.head.minorVersion == 0) connection.writeText("Connection: keep-alive\r\n");
    connection.writeText(this.extra);
    connection.writeText("\r\n");
  }

  private finish(): void {
    if (this.closes) this.connection.end();
  }
}

/** The status line and the date. */
function writeStatus(connection: HttpConnection, status: i32): void {
  if (status == 200) connection.writeText("HTTP/1.1 200 OK\r\n");
  else {
    connection.writeText("HTTP/1.1 ");
    connection.writeNumber(status);
    connection.writeText(" ");
    connection.writeText(reason(status));
    connection.writeText("\r\n");
  }
  connection.writeText(dateField());
}

/** 204 and 304 answers have no body (RFC 9110, 6.4.1). */
function hasBody(status: i32): bool {
  return status != 204 && status != 304;
}

const NO_BODY = new Uint8Array(0);

export class HttpConnection extends Connection {
  /** Received bytes that could not be handled yet: unmanaged memory, none while there are none. */
  private held: usize = 0;
  private heldCapacity: i32 = 0;
  private heldLength: i32 = 0;
  /** The request whose body is under way. */
  private head: Head | null = null;
  private body: BodyDecoder | null = null;
  private peerIsDone: bool = false;

  constructor(private handler: (exchange: Exchange) => void) {
    super();
  }

  onOpen(): void {
    this.setIdleTimeout(IDLE_MS);
  }

  onData(bytes: Received): void {
    if (this.heldLength > 0 || this.isCongested) {
      this.hold(bytes.ptr, bytes.length);
      if (!this.isCongested) this.handleHeld();
      return;
    }
    const used = this.handle(bytes.ptr, bytes.length);
    if (this.isOpen && used < bytes.length) this.hold(bytes.ptr + used, bytes.length - used);
  }

  onDrain(): void {
    this.handleHeld();
    if (this.peerIsDone && !this.isCongested) this.end();
  }

  onEnd(): void {
    // What was asked before is answered still; what is held and incomplete never will be complete.
    if (this.isCongested) this.peerIsDone = true;
    else this.end();
  }

  onClose(error: i32): void {
    this.dropHeld();
  }

  private hold(ptr: usize, length: i32): void {
    const needed = this.heldLength + length;
    if (needed > this.heldCapacity) {
      let capacity = max(this.heldCapacity, 2048);
      while (capacity < needed) capacity *= 2;
      this.held = this.held ? heap.realloc(this.held, capacity) : heap.alloc(capacity);
      this.heldCapacity = capacity;
    }
    memory.copy(this.held + this.heldLength, ptr, length);
    this.heldLength = needed;
  }

  private handleHeld(): void {
    const used = this.handle(this.held, this.heldLength);
    if (!this.isOpen) return; // dropped by onClose
    this.heldLength -= used;
    if (this.heldLength == 0) this.dropHeld();
    else memory.copy(this.held, this.held + used, this.heldLength);
  }

  private dropHeld(): void {
    if (this.held) heap.free(this.held);
    this.held = 0;
    this.heldCapacity = 0;
    this.heldLength = 0;
  }

  /** Handles as many requests as are complete: the number of bytes that are done with. */
  private handle(ptr: usize, length: i32): i32 {
    let at = 0;
    while (at < length && !this.isCongested && !this.hasEnded && this.isOpen) {
      let head = this.head;
      if (!head) {
        // A server should ignore an empty line before a request line (RFC 9112, 2.2).
        if (load<u8>(ptr + at) == 0x0d || load<u8>(ptr + at) == 0x0a) {
          at++;
          continue;
        }
        const size = Head.sizeOf(ptr + at, length - at);
        if (size < 0) return length - at > HEAD_MAX ? this.refuse(431, length) : at;
        if (size > HEAD_MAX) return this.refuse(431, length);
        head = Head.parse(ptr + at, size);
        if (head.error) return this.refuse(head.error, length);
        at += size;
        if (!head.isChunked && head.contentLength == 0) {
          this.answer(head, NO_BODY);
          continue;
        }
        if (head.contentLength > BODY_MAX) return this.refuse(413, length);
        this.head = head;
        this.body = new BodyDecoder(head.isChunked, head.contentLength, BODY_MAX);
        head.keep();
        if (head.expectsContinue) this.writeText("HTTP/1.1 100 Continue\r\n\r\n");
      }
      const body = this.body!;
      at += body.feed(ptr + at, length - at);
      if (body.error) return this.refuse(body.error, length);
      if (!body.isComplete) return at;
      this.head = null;
      this.body = null;
      this.answer(head, body.bytes);
    }
    return this.hasEnded ? length : at;
  }

  private answer(head: Head, body: Uint8Array): void {
    const exchange = new Exchange(this, head, body, !head.keepsAlive);
    this.handler(exchange);
    head.forget();
    if (!exchange.isAnswered) exchange.send(500, "500 " + reason(500) + "\n");
  }

  /** Answers something that is no request we can serve, and closes: what follows cannot be told apart. */
  private refuse(status: i32, length: i32): i32 {
    const text = status.toString() + " " + reason(status) + "\n";
    writeStatus(this, status);
    this.writeText("Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ");
    this.writeNumber(text.length);
    this.writeText("\r\n\r\n" + text);
    this.end();
    return length;
  }
}

let theHandler: ((exchange: Exchange) => void) | null = null;

/** Serves HTTP on a port; one handler per guest. */
export function serve(port: i32, handler: (exchange: Exchange) => void): Result<Server> {
  theHandler = handler;
  return listen(port, (): Connection => new HttpConnection(theHandler!));
}
