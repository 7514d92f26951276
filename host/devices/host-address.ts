/**
 * Host addresses as node:net writes them ("127.0.0.1", "::1") to and from the sockaddr slots of the network device's packets.
 */
import { isIPv4, isIPv6 } from "node:net";
import { AF_INET, AF_INET6 } from "../../kernel/abi/socket.ts";
import { decodeAddress, encodeAddress, inet, ipv4Of, isLoopback } from "../../kernel/net/address.ts";
import { ADDRESS_SLOT_BYTES } from "../../kernel/virtio/socket-protocol.ts";

export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

/** The address in a slot, or null if it is none that the host could use. */
export function decodeSlot(slot: Uint8Array): HostAddress | null {
  const address = decodeAddress(slot);
  if (typeof address === "number" || address.host.length === 0 || address.port === 0) return null;
  const v4 = ipv4Of(address);
  if (v4) return { host: v4.join("."), port: address.port };
  const words: string[] = [];
  for (let i = 0; i < 16; i += 2)
    words.push((((address.host[i] as number) << 8) | (address.host[i + 1] as number)).toString(16));
  return { host: words.join(":"), port: address.port };
}

export function encodeSlot(host: string, port: number): Uint8Array {
  const slot = new Uint8Array(ADDRESS_SLOT_BYTES);
  const bytes = hostBytes(host);
  encodeAddress(inet(bytes.length === 4 ? AF_INET : AF_INET6, bytes, port), slot);
  return slot;
}

/** 127.0.0.0/8 or ::1, also as 0.0.0.0 or ::, which mean the host itself. */
export function isLoopbackHost(host: string): boolean {
  const bytes = hostBytes(host);
  const address = inet(bytes.length === 4 ? AF_INET : AF_INET6, bytes, 0);
  return isLoopback(address) || bytes.every((byte) => byte === 0);
}

/** Four bytes for what is an IPv4 address at heart, else sixteen. */
function hostBytes(host: string): Uint8Array {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host;
  if (isIPv4(mapped)) return Uint8Array.from(mapped.split("."), Number);
  const bytes = new Uint8Array(16);
  if (!isIPv6(host)) return bytes;
  const [head = "", tail] = (host.split("%")[0] as string).split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const words =
    tail === undefined ? left : [...left, ...new Array<string>(8 - left.length - right.length).fill("0"), ...right];
  words.slice(0, 8).forEach((word, i) => {
    const value = Number.parseInt(word, 16) || 0;
    bytes[i * 2] = value >>> 8;
    bytes[i * 2 + 1] = value;
  });
  return bytes;
}

/**
 * What is known of hosts that datagrams come from and go to: text against bytes costs more than a datagram does, and it is the same few
 * hosts all the time. At most HOSTS_MAX of either are kept.
 */
export class KnownHosts {
  /** By what node:dgram says: a slot whose port is 0. */
  readonly #slots = new Map<string, Uint8Array>();
  /** By the four bytes of an IPv4 address, as one number. */
  readonly #names = new Map<number, string>();

  /** A slot with `host` and port 0. Nobody may write to it. */
  slot(host: string): Uint8Array {
    let slot = this.#slots.get(host);
    if (slot === undefined) {
      slot = encodeSlot(host, 0);
      if (this.#slots.size >= HOSTS_MAX) this.#slots.clear();
      this.#slots.set(host, slot);
    }
    return slot;
  }

  /** The host in the slot at `at`, or null if it is none that the host could use, or no port is given. */
  host(bytes: Uint8Array, at: number): string | null {
    const family = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (family !== AF_INET) return decodeSlot(bytes.subarray(at, at + ADDRESS_SLOT_BYTES))?.host ?? null;
    if (slotPort(bytes, at) === 0) return null;
    const key =
      (((bytes[at + 4] as number) << 24) |
        ((bytes[at + 5] as number) << 16) |
        ((bytes[at + 6] as number) << 8) |
        (bytes[at + 7] as number)) >>>
      0;
    let name = this.#names.get(key);
    if (name === undefined) {
      name = bytes.subarray(at + 4, at + 8).join(".");
      if (this.#names.size >= HOSTS_MAX) this.#names.clear();
      this.#names.set(key, name);
    }
    return name;
  }
}

const HOSTS_MAX = 1024;

/** The port in the slot at `at`. */
export function slotPort(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
}
