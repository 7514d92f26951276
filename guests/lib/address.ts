/**
 * Internet addresses: IPv4, as dotted quads or the name `localhost`, and `struct sockaddr_in` in guest memory.
 */
import { EINVAL } from "./errno";

export const AF_INET: i32 = 2;
export const SOCKADDR_IN_SIZE: i32 = 16;

/** A host (IPv4, the first number of the quad in the highest byte) and a port. */
export class Address {
  constructor(
    readonly host: u32,
    readonly port: u16,
  ) {}

  /** `from`: a `struct sockaddr_in`. */
  static read(from: usize): Address {
    return new Address(bswap<u32>(load<u32>(from, 4)), bswap<u16>(load<u16>(from, 2)));
  }

  toString(): string {
    return hostText(this.host) + ":" + this.port.toString();
  }
}

export function hostText(host: u32): string {
  return (
    (host >>> 24).toString() +
    "." +
    ((host >>> 16) & 255).toString() +
    "." +
    ((host >>> 8) & 255).toString() +
    "." +
    (host & 255).toString()
  );
}

/** A dotted quad, `localhost`, or "" and "*" for every address (0.0.0.0): the host as a number, or a negated errno. */
export function parseHost(text: string): i64 {
  if (text == "localhost") return 0x7f000001;
  if (text == "" || text == "*") return 0;
  let host: i64 = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (c == 0x2e) {
      if (part < 0) return -EINVAL;
      host = (host << 8) | part;
      parts++;
      part = -1;
    } else {
      if (c < 0x30 || c > 0x39) return -EINVAL;
      part = (part < 0 ? 0 : part * 10) + (c - 0x30);
      if (part > 255) return -EINVAL;
    }
  }
  return parts == 4 ? host : -EINVAL;
}

/** Writes a `struct sockaddr_in`; 0, or -EINVAL for a host or port that is none. */
export function writeSockaddr(to: usize, host: string, port: i32): i32 {
  const number = parseHost(host);
  if (number < 0) return <i32>number;
  if (port < 0 || port > 65535) return -EINVAL;
  memory.fill(to, 0, SOCKADDR_IN_SIZE);
  store<u16>(to, <u16>AF_INET);
  store<u16>(to, bswap<u16>(<u16>port), 2);
  store<u32>(to, bswap<u32>(<u32>number), 4);
  return 0;
}
