/**
 * What a Linux program would do with sockets, for tests: msghdr, iovec and cmsghdr laid out in guest memory.
 */
import { AF_UNIX, SOL_SOCKET } from "../../../../kernel/abi/socket.ts";
import { fromBytes, toByteString, toBytes, toText } from "../../../../kernel/fs/byte-string.ts";
import { BUFFER, type LinuxMachine, said, type TestThread } from "../../process/linux-fixture.ts";

export const HEADER = BUFFER;
export const IOV = BUFFER + 0x100;
export const NAME = BUFFER + 0x400;
export const CONTROL = BUFFER + 0x600;
export const DATA = BUFFER + 0x2000;
export const OUTSIDE = 0xfffffff0;

export interface ControlMessage {
  readonly level?: number;
  readonly type: number;
  readonly words: readonly number[];
}

export interface Message {
  readonly name?: Uint8Array | number;
  /** Pieces of data to send; or lengths of buffers to receive into. */
  readonly pieces?: readonly (string | number)[];
  readonly control?: readonly ControlMessage[] | number;
}

export interface SeenMessage {
  readonly result: number | string;
  readonly text: string;
  readonly name: Uint8Array;
  readonly nameLength: number;
  readonly control: ControlMessage[];
  readonly controlLength: number;
  readonly flags: number;
}

export class SocketGuest {
  readonly m: LinuxMachine;
  readonly t: TestThread;

  constructor(m: LinuxMachine, t = m.thread()) {
    this.m = m;
    this.t = t;
  }

  get mem(): TestThread["process"]["mem"] {
    return this.t.process.mem;
  }

  call(name: string, ...args: (number | string | Uint8Array)[]): number | string {
    return said(this.t.call(name, ...args));
  }

  must(name: string, ...args: (number | string | Uint8Array)[]): number {
    const result = this.call(name, ...args);
    if (typeof result === "string") throw new Error(`${name}: ${result}`);
    return result;
  }

  pair(type: number): [number, number] {
    this.must("socketpair", AF_UNIX, type, 0, HEADER);
    return [this.mem.getU32(HEADER), this.mem.getU32(HEADER + 4)];
  }

  /** Lays a msghdr out at `at`; its address. */
  header({ name, pieces = [], control }: Message, at = HEADER, data = DATA): number {
    const { mem } = this;
    mem.u8.fill(0, at, at + 40);
    if (typeof name === "number") mem.setU32(at + 4, name);
    else if (name) {
      mem.u8.set(name, NAME);
      mem.setU32(at + 4, name.length);
    }
    if (name !== undefined) mem.setU32(at, NAME);
    let ptr = data;
    const iov = IOV + (at - HEADER) * 4;
    pieces.forEach((piece, i) => {
      const bytes = typeof piece === "string" ? toBytes(toByteString(piece)) : null;
      const length = bytes?.length ?? (piece as number);
      if (bytes) mem.u8.set(bytes, ptr);
      mem.setU32(iov + i * 8, ptr);
      mem.setU32(iov + i * 8 + 4, length);
      ptr += length + 16; // pieces lie apart
    });
    mem.setU32(at + 8, iov);
    mem.setU32(at + 12, pieces.length);
    if (typeof control === "number") mem.setU32(at + 24, control);
    else if (control) mem.setU32(at + 24, this.#writeControl(control));
    if (control !== undefined) mem.setU32(at + 20, CONTROL);
    return at;
  }

  send(fd: number, message: Message | string, flags = 0): number | string {
    const given = typeof message === "string" ? { pieces: [message] } : message;
    return this.call("sendmsg", fd, this.header(given), flags);
  }

  receive(fd: number, message: Message = { pieces: [100], control: 256 }, flags = 0): SeenMessage {
    const header = this.header(message);
    return this.seen(this.call("recvmsg", fd, header, flags), message);
  }

  /** What a receive with `message` has left in memory. */
  seen(result: number | string, { pieces = [] }: Message): SeenMessage {
    const { mem } = this;
    let text = "";
    let left = typeof result === "number" ? result : 0;
    for (let i = 0; i < pieces.length && left > 0; i++) {
      const ptr = mem.getU32(IOV + i * 8);
      const length = Math.min(left, mem.getU32(IOV + i * 8 + 4));
      text += toText(fromBytes(mem.u8.slice(ptr, ptr + length)));
      left -= length;
    }
    const nameLength = mem.getU32(HEADER + 4);
    const controlLength = mem.getU32(HEADER + 24);
    return {
      result,
      text,
      nameLength,
      name: mem.u8.slice(NAME, NAME + Math.min(nameLength, 128)),
      control: typeof result === "number" ? this.#readControl(controlLength) : [],
      controlLength,
      flags: mem.getU32(HEADER + 32),
    };
  }

  #writeControl(messages: readonly ControlMessage[]): number {
    let at = 0;
    let end = 0;
    for (const { level = SOL_SOCKET, type, words } of messages) {
      const ptr = CONTROL + at;
      this.mem.setU32(ptr, 16 + words.length * 4);
      this.mem.setU32(ptr + 4, 0);
      this.mem.setU32(ptr + 8, level);
      this.mem.setU32(ptr + 12, type);
      words.forEach((word, i) => void this.mem.setU32(ptr + 16 + i * 4, word));
      end = at + 16 + words.length * 4;
      at = (end + 7) & ~7;
    }
    return end;
  }

  #readControl(length: number): ControlMessage[] {
    const messages: ControlMessage[] = [];
    for (let at = 0; at + 16 <= length; ) {
      const ptr = CONTROL + at;
      const size = this.mem.getU32(ptr);
      const words = Array.from({ length: (size - 16) / 4 }, (_, i) => this.mem.getI32(ptr + 16 + i * 4));
      messages.push({ level: this.mem.getU32(ptr + 8), type: this.mem.getU32(ptr + 12), words });
      at += (size + 7) & ~7;
    }
    return messages;
  }
}

/** struct sockaddr_un. */
export function unixAddress(path: string): Uint8Array {
  return Uint8Array.from([AF_UNIX, 0, ...toBytes(toByteString(path))]);
}

/** struct sockaddr_in. */
export function inetAddress(port: number, host: readonly number[] = [127, 0, 0, 1]): Uint8Array {
  return Uint8Array.from([2, 0, port >> 8, port & 0xff, ...host, 0, 0, 0, 0, 0, 0, 0, 0]);
}
