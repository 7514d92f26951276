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
