/**
 * What -l lists: addresses, each with a port or without, as server_sockets of memcached 1.6.18 reads them. Which of the host's addresses a port is
 * bound to is the machine's matter, so of an address nothing counts but that it is one; its port does.
 */
import { equalText } from "../lib/raw/bytes";
import { sayBytes, sayEnd, sayText } from "./console";
import { PROTOCOL_ASCII, PROTOCOL_BINARY, PROTOCOL_NEGOTIATING, settings } from "./settings";

/** Of the entry that was read last. */
export let addressPort: i32 = 0;
export let addressProtocol: i32 = 0;

function complain(text: string, p: usize, end: usize): usize {
  sayText(text);
  sayText('"');
  sayBytes(p, <u32>(end - p));
  sayText('"');
  sayEnd(2);
  return 0;
}

function isSeparator(byte: u32): bool {
  return byte == 44 || byte == 59; // "," ";"
}

function find(p: usize, end: usize, byte: u32): usize {
  while (p < end && load<u8>(p) != byte) p++;
  return p;
}

/**
 * Reads the next entry of [p, end) into `addressPort` and `addressProtocol`; `port` is that of entries that name none. Where the one after it
 * begins, `end` at the last, or 0 after a complaint.
 */
export function nextAddress(p: usize, end: usize, port: i32): usize {
  while (p < end && isSeparator(load<u8>(p))) p++;
  let stop = p;
  while (stop < end && !isSeparator(load<u8>(stop))) stop++;
  addressPort = port;
  addressProtocol = settings.bindingProtocol;
  if (startsWith(p, stop, "proto[")) {
    const close = find(p + 6, stop, 93);
    if (close == stop) return complain("Invalid protocol spec: ", p + 5, stop);
    if (!protocolOf(p + 6, <u32>(close - p) - 6)) return complain("Server not built with proxy: ", p, stop);
    p = min(close + 2, stop);
  }
  if (startsWith(p, stop, "tag[")) {
    const close = find(p + 4, stop, 93);
    if (close == stop) return complain("Invalid tag in socket config: ", p + 3, stop);
    if (close == p + 4 || close > p + 12) return complain("Listener tags must be between 1 and 8 characters: ", p + 4, close);
    p = min(close + 2, stop);
  }
  let host = p;
  let hostEnd = stop;
  const bracket = p < stop && load<u8>(p) == 91;
  if (bracket) {
    host = p + 1;
    hostEnd = find(host, stop, 93);
    if (hostEnd == stop) return complain("Invalid IPV6 address: ", p, stop);
    p = hostEnd + 1;
  }
  const colon = find(p, stop, 58);
  // A second colon: an IPv6 address without brackets, and without a port.
  if (colon < stop && (bracket || find(colon + 1, stop, 58) == stop)) {
    if (!bracket) hostEnd = colon;
    if (!portOf(colon + 1, stop)) return complain("Invalid port number: ", colon + 1, stop);
  }
  if (!isAddress(host, hostEnd)) {
    sayText("getaddrinfo(): Name or service not known");
    sayEnd(2);
    return 0;
  }
  while (stop < end && isSeparator(load<u8>(stop))) stop++;
  return stop;
}

function startsWith(p: usize, end: usize, text: string): bool {
  return end - p >= <usize>text.length && equalText(p, text.length, text);
}

/** Any beginning of a protocol's name will do, as in memcached. */
function protocolOf(p: usize, n: u32): bool {
  if (begins(p, n, "ascii")) addressProtocol = PROTOCOL_ASCII;
  else if (begins(p, n, "binary")) addressProtocol = PROTOCOL_BINARY;
  else if (begins(p, n, "negotiating")) addressProtocol = PROTOCOL_NEGOTIATING;
  else return false;
  return true;
}

/** Whether `text` begins with these bytes. */
function begins(p: usize, n: u32, text: string): bool {
  if (n > <u32>text.length) return false;
  for (let i: u32 = 0; i < n; i++) if (<i32>load<u8>(p + i) != text.charCodeAt(i)) return false;
  return true;
}

function portOf(p: usize, end: usize): bool {
  if (p == end || end - p > 5) return false;
  let v = 0;
  for (; p < end; p++) {
    const digit = <u32>load<u8>(p) - 48;
    if (digit > 9) return false;
    v = v * 10 + <i32>digit;
  }
  addressPort = v;
  return v <= 65535;
}

/** `*`, localhost, one to four decimal numbers, or hexadecimal digits and colons. Other names nobody can look up here. */
function isAddress(p: usize, end: usize): bool {
  const n = <u32>(end - p);
  if ((n == 1 && load<u8>(p) == 42) || (n == 9 && equalText(p, n, "localhost"))) return true;
  if (find(p, end, 58) < end) {
    // A zone may follow: fe80::1%eth0
    const zone = find(p, end, 37);
    for (; p < zone; p++) {
      const byte: u32 = load<u8>(p);
      if (byte != 58 && byte != 46 && byte - 48 > 9 && (byte | 32) - 97 > 5) return false;
    }
    return true;
  }
  let parts = 0;
  while (p < end) {
    const dot = find(p, end, 46);
    let v: u32 = 0;
    if (dot == p || dot - p > 10) return false;
    for (; p < dot; p++) {
      const digit = <u32>load<u8>(p) - 48;
      if (digit > 9) return false;
      v = v * 10 + digit;
    }
    parts++;
    if ((dot < end || parts == 4) && v > 255) return false;
    p = dot + 1;
    if (dot < end && p == end) return false;
  }
  return parts >= 1 && parts <= 4;
}
