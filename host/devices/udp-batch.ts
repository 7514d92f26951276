/**
 * Many datagrams in one system call: Linux' recvmmsg(2) and sendmmsg(2), called through node:ffi. Node's own sockets take one system call, one buffer of
 * 64 KiB and several objects for each datagram; with these a UDP request costs half (guests/memcached/README.md).
 *
 * node:ffi is experimental, and what is called through it trusts its pointers: so this is for those who ask for it (boot option `udp: "ffi"`). Linux on
 * 64-bit processors only, whose structures are written here.
 *
 * What always holds: a pointer that is handed over belongs to memory that this file keeps alive (its own block) or that its caller promises to keep until
 * `flush` (lent bytes). The socket is Node's to close, and to wait for: node:dgram has been given its descriptor.
 */
import { SOCKADDR_IN_BYTES, SOCKADDR_IN6_BYTES } from "../../kernel/abi/socket.ts";
import { ADDRESS_SLOT_BYTES } from "../../kernel/virtio/socket-protocol.ts";
import { encodeSlot } from "./host-address.ts";

/** Linux on x86-64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
const MSG_DONTWAIT = 0x40;

/** Datagrams of one call. */
export const BATCH_MAX = 32;
/** struct mmsghdr { struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }, len } and struct iovec. */
const MMSGHDR_BYTES = 64;
const MSG_NAMELEN = 8;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_LEN = 56;
const IOVEC_BYTES = 16;
const ADDRESS_BYTES = 32;
/** The longest datagram, and a bit more, so that the beginnings do not all fall into the same lines of the processor's caches. */
const PAYLOAD_BYTES = 65536 + 192;

/** Where things lie in a socket's block. */
const RECEIVE_TABLE = 0;
const SEND_TABLE = RECEIVE_TABLE + BATCH_MAX * MMSGHDR_BYTES;
const RECEIVE_IOVECS = SEND_TABLE + BATCH_MAX * MMSGHDR_BYTES;
const SEND_IOVECS = RECEIVE_IOVECS + BATCH_MAX * IOVEC_BYTES;
const ADDRESSES = SEND_IOVECS + BATCH_MAX * IOVEC_BYTES;
const PAYLOADS = ADDRESSES + BATCH_MAX * ADDRESS_BYTES;
const BLOCK_BYTES = PAYLOADS + BATCH_MAX * PAYLOAD_BYTES;

type Ffi = typeof import("node:ffi");

/** The system calls, bound. */
interface Calls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: bigint, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: bigint, length: number): number;
  close(fd: number): number;
  recvmmsg(fd: number, messages: bigint, count: number, flags: number, timeout: bigint): number;
  sendmmsg(fd: number, messages: bigint, count: number, flags: number): number;
  htonl(value: number): number;
}

let loaded: UdpBatches | string | undefined;

/** Sockets that send and receive in batches, or the reason why there are none here. */
export function loadUdpBatches(): UdpBatches | string {
  loaded ??= load();
  return loaded;
}

function load(): UdpBatches | string {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64"))
    return `needs Linux on x64 or arm64, this is ${process.platform} on ${process.arch}`;
  try {
    const ffi = process.getBuiltinModule("node:ffi") as Ffi | undefined;
    if (ffi === undefined) return `Node ${process.versions.node} has no node:ffi (26.1 and later have it)`;
    const library = ffi.dlopen(null as unknown as string, {
      socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
      bind: { arguments: ["i32", "pointer", "u32"], return: "i32" },
      setsockopt: { arguments: ["i32", "i32", "i32", "pointer", "u32"], return: "i32" },
      close: { arguments: ["i32"], return: "i32" },
      recvmmsg: { arguments: ["i32", "pointer", "u32", "i32", "pointer"], return: "i32" },
      sendmmsg: { arguments: ["i32", "pointer", "u32", "i32"], return: "i32" },
      htonl: { arguments: ["u32"], return: "u32" },
    });
    const calls = library.functions as unknown as Calls;
    // An experimental interface may change how signatures are written: nothing with a pointer is called before this.
    if (calls.htonl(0x01020304) !== 0x04030201) return `node:ffi of Node ${process.versions.node} calls differently`;
    return new UdpBatches(ffi, calls, library);
  } catch (error) {
    return `node:ffi cannot be used: ${(error as Error).message}`;
  }
}

export class UdpBatches {
  readonly #ffi: Ffi;
  readonly #calls: Calls;
  /** Its functions are good as long as it is there. */
  readonly library: object;

  constructor(ffi: Ffi, calls: Calls, library: object) {
    this.#ffi = ffi;
    this.#calls = calls;
    this.library = library;
  }

  /** A bound socket; null if it cannot be had: whoever asks Node for one then gets to know why. */
  open(host: string, port: number, reusePort: boolean): UdpBatch | null {
    const calls = this.#calls;
    const family = host.includes(":") ? AF_INET6 : AF_INET;
    const fd = calls.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return null;
    const address = new Uint8Array(128); // more than V8 keeps on its own heap, where it would move
    address.set(encodeSlot(host, port));
    const option = new Uint8Array(128);
    option[0] = 1;
    const length = family === AF_INET6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
    const bound =
      (!reusePort || calls.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, this.#ffi.getRawPointer(option), 4) === 0) &&
      calls.bind(fd, this.#ffi.getRawPointer(address), length) === 0;
    if (bound) return new UdpBatch(this.#ffi, calls, fd, family);
    calls.close(fd);
    return null;
  }

  /** A descriptor that nobody has taken over. */
  close(batch: UdpBatch): void {
    this.#calls.close(batch.fd);
  }
}

export class UdpBatch {
  readonly fd: number;
  /** Of what has been received. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #family: number;
  readonly #ffi: Ffi;
  readonly #calls: Calls;
  readonly #block: number;
  readonly #receiveTable: bigint;
  readonly #sendTable: bigint;
  /** Datagrams that wait for `flush`, in the send table. */
  #count = 0;
  /** Memories that bytes were lent from, and where they lie. */
  readonly #memories: (Uint8Array | null)[] = [null, null];
  readonly #bases = [0, 0];

  constructor(ffi: Ffi, calls: Calls, fd: number, family: number) {
    this.#ffi = ffi;
    this.#calls = calls;
    this.fd = fd;
    this.#family = family;
    const block = new ArrayBuffer(BLOCK_BYTES);
    this.bytes = new Uint8Array(block);
    this.words = new Uint32Array(block);
    const pointer = ffi.getRawPointer(this.bytes);
    this.#block = Number(pointer);
    this.#receiveTable = pointer + BigInt(RECEIVE_TABLE);
    this.#sendTable = pointer + BigInt(SEND_TABLE);
    for (let i = 0; i < BATCH_MAX; i++) {
      const received = RECEIVE_TABLE + i * MMSGHDR_BYTES;
      this.#put(received, this.#block + ADDRESSES + i * ADDRESS_BYTES);
      this.#put(received + MSG_IOV, this.#block + RECEIVE_IOVECS + i * IOVEC_BYTES);
      this.words[(received + MSG_IOVLEN) >>> 2] = 1;
      this.#put(RECEIVE_IOVECS + i * IOVEC_BYTES, this.#block + PAYLOADS + i * PAYLOAD_BYTES);
      this.words[(RECEIVE_IOVECS + i * IOVEC_BYTES + 8) >>> 2] = 65536;
      const sent = SEND_TABLE + i * MMSGHDR_BYTES;
      this.words[(sent + MSG_NAMELEN) >>> 2] = family === AF_INET6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
      this.#put(sent + MSG_IOV, this.#block + SEND_IOVECS + i * IOVEC_BYTES);
      this.words[(sent + MSG_IOVLEN) >>> 2] = 1;
    }
  }

  // --- in --------------------------------------------------------------------------------------------------------------------

  /** Takes the datagrams that wait, up to BATCH_MAX: how many. They lie in `bytes` until the next call. */
  receive(): number {
    for (let i = 0; i < BATCH_MAX; i++)
      this.words[(RECEIVE_TABLE + i * MMSGHDR_BYTES + MSG_NAMELEN) >>> 2] = ADDRESS_SLOT_BYTES;
    return this.#calls.recvmmsg(this.fd, this.#receiveTable, BATCH_MAX, MSG_DONTWAIT, 0n);
  }

  /** Of the datagram `index`: where its sender's address lies, as a slot; where it lies itself; its length. */
  slotAt(index: number): number {
    return ADDRESSES + index * ADDRESS_BYTES;
  }
  payloadAt(index: number): number {
    return PAYLOADS + index * PAYLOAD_BYTES;
  }
  payloadBytes(index: number): number {
    return this.words[(RECEIVE_TABLE + index * MMSGHDR_BYTES + MSG_LEN) >>> 2] as number;
  }

  // --- out -------------------------------------------------------------------------------------------------------------------

  /** True if an address in a slot at `at` is of the socket's own family: others have to go another way. */
  reaches(bytes: Uint8Array, at: number): boolean {
    return bytes[at] === this.#family && bytes[at + 1] === 0;
  }

  get isFull(): boolean {
    return this.#count === BATCH_MAX;
  }

  /** Puts the datagram payload[from, from + length) to the address in slots[at, ...) on the list: both are lent until `flush`. Not when it is full. */
  add(payload: Uint8Array, from: number, length: number, slots: Uint8Array, at: number): void {
    const index = this.#count++;
    this.#put(SEND_TABLE + index * MMSGHDR_BYTES, this.#base(slots) + at);
    const vector = SEND_IOVECS + index * IOVEC_BYTES;
    this.#put(vector, this.#base(payload) + from);
    this.words[(vector + 8) >>> 2] = length;
  }

  /** Sends what is on the list. `refused` gets the index of each datagram that the system did not take, in order. */
  flush(refused: (index: number) => void): void {
    const count = this.#count;
    this.#count = 0;
    let done = this.#calls.sendmmsg(this.fd, this.#sendTable, count, MSG_DONTWAIT);
    while (done < count) {
      // It stops at the first that it does not take, and says so only if that is the first of all.
      if (done < 0) done = 0;
      const rest = this.#sendTable + BigInt(done * MMSGHDR_BYTES);
      const more = this.#calls.sendmmsg(this.fd, rest, count - done, MSG_DONTWAIT);
      if (more > 0) done += more;
      else refused(done++);
    }
  }

  /** The address of a memory. Views of linear memory are new ones when it has grown. */
  #base(memory: Uint8Array): number {
    if (memory === this.#memories[0]) return this.#bases[0] as number;
    if (memory === this.#memories[1]) return this.#bases[1] as number;
    this.#memories[1] = this.#memories[0] as Uint8Array | null;
    this.#bases[1] = this.#bases[0] as number;
    this.#memories[0] = memory;
    const base = Number(this.#ffi.getRawPointer(memory));
    this.#bases[0] = base;
    return base;
  }

  /** A pointer at `at` of the block. They are below 2^53. */
  #put(at: number, pointer: number): void {
    this.words[at >>> 2] = pointer >>> 0;
    this.words[(at >>> 2) + 1] = pointer / 2 ** 32;
  }
}
