/**
 * Integer socket options that a machine without packets of its own has no use for (keep-alive, priorities, types of service): they are
 * checked as Linux checks them, kept, and reported, so that programs find what they set. Data; socket-options.ts reads it.
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IP_BIND_ADDRESS_NO_PORT,
  IP_FREEBIND,
  IP_MTU_DISCOVER,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_PKTINFO,
  IP_RECVERR,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_MTU_DISCOVER,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_LOOP,
  IPV6_RECVERR,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  SO_BROADCAST,
  SO_BUSY_POLL,
  SO_DONTROUTE,
  SO_KEEPALIVE,
  SO_MARK,
  SO_OOBINLINE,
  SO_PRIORITY,
  SO_RCVLOWAT,
  SO_TIMESTAMP,
  SO_TIMESTAMPNS,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_FASTOPEN,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_LINGER2,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
  TCP_QUICKACK,
  TCP_SYNCNT,
  TCP_USER_TIMEOUT,
  TCP_WINDOW_CLAMP,
} from "../abi/socket.ts";
import type { Socket } from "./socket.ts";

/** Values that set(2) takes; "boolean": any, kept as 0 or 1. */
type Range = "boolean" | readonly [min: number, max: number];

export interface KeptOption {
  readonly fallback: number;
  readonly range: Range;
}

const INT_MAX = 0x7fffffff;
const ANY = [-INT_MAX - 1, INT_MAX] as const;
const NATURAL = [0, INT_MAX] as const;

const BY_LEVEL: ReadonlyMap<number, ReadonlyMap<number, KeptOption>> = new Map([
  [
    SOL_SOCKET,
    table([
      [SO_KEEPALIVE, 0, "boolean"],
      [SO_BROADCAST, 0, "boolean"],
      [SO_DONTROUTE, 0, "boolean"],
      [SO_OOBINLINE, 0, "boolean"],
      [SO_TIMESTAMP, 0, "boolean"],
      [SO_TIMESTAMPNS, 0, "boolean"],
      [SO_PRIORITY, 0, ANY],
      [SO_MARK, 0, ANY],
      [SO_BUSY_POLL, 0, NATURAL],
      [SO_RCVLOWAT, 1, NATURAL],
    ]),
  ],
  [
    IPPROTO_TCP,
    table([
      [TCP_NODELAY, 0, "boolean"],
      [TCP_MAXSEG, 536, [88, 32767]],
      [TCP_CORK, 0, "boolean"],
      [TCP_KEEPIDLE, 7200, [1, 32767]],
      [TCP_KEEPINTVL, 75, [1, 32767]],
      [TCP_KEEPCNT, 9, [1, 127]],
      [TCP_SYNCNT, 6, [1, 127]],
      [TCP_LINGER2, 60, ANY],
      [TCP_DEFER_ACCEPT, 0, ANY],
      [TCP_WINDOW_CLAMP, 0, NATURAL],
      [TCP_QUICKACK, 1, "boolean"],
      [TCP_USER_TIMEOUT, 0, NATURAL],
      [TCP_FASTOPEN, 0, NATURAL],
      [TCP_NOTSENT_LOWAT, 0, ANY],
    ]),
  ],
  [
    IPPROTO_IP,
    table([
      [IP_TOS, 0, ANY],
      [IP_TTL, 64, [-1, 255]],
      [IP_PKTINFO, 0, "boolean"],
      [IP_MTU_DISCOVER, 1, [0, 5]],
      [IP_RECVERR, 0, "boolean"],
      [IP_RECVTTL, 0, "boolean"],
      [IP_RECVTOS, 0, "boolean"],
      [IP_FREEBIND, 0, "boolean"],
      [IP_BIND_ADDRESS_NO_PORT, 0, "boolean"],
      [IP_MULTICAST_TTL, 1, [-1, 255]],
      [IP_MULTICAST_LOOP, 1, "boolean"],
    ]),
  ],
  [
    IPPROTO_IPV6,
    table([
      [IPV6_UNICAST_HOPS, 64, [-1, 255]],
      [IPV6_MULTICAST_HOPS, 1, [-1, 255]],
      [IPV6_MULTICAST_LOOP, 1, [0, 1]],
      [IPV6_MTU_DISCOVER, 1, [0, 5]],
      [IPV6_RECVERR, 0, "boolean"],
      [IPV6_RECVPKTINFO, 0, "boolean"],
      [IPV6_TCLASS, 0, [-1, 255]],
    ]),
  ],
]);

/** What an option that is only kept allows; null for one that `socket` does not have. */
export function keptOption(socket: Socket, level: number, name: number): KeptOption | null {
  if (level === IPPROTO_TCP && (socket.type !== SOCK_STREAM || socket.domain === AF_UNIX)) return null;
  if (level === IPPROTO_IPV6 && socket.domain !== AF_INET6) return null;
  if (level === IPPROTO_IP && socket.domain !== AF_INET && socket.domain !== AF_INET6) return null;
  return BY_LEVEL.get(level)?.get(name) ?? null;
}

function table(rows: readonly (readonly [name: number, fallback: number, range: Range])[]): Map<number, KeptOption> {
  return new Map(rows.map(([name, fallback, range]) => [name, { fallback, range }]));
}
