/** `stats conns`: every socket with its addresses, its state and how long it has been silent. */
import { textCopy } from "../lib/raw/bytes";
import { formatU64 } from "../lib/raw/number";
import { sys_getpeername, sys_getsockname } from "../lib/sys";
import { currentTime, ITEM_UPDATE_INTERVAL } from "./clock";
import { Conn, CONN_DUMPING, CONN_FULL, CONN_WATCHING, STATE_SWALLOW, STATE_VALUE } from "./connection";
import { listenKind, listenMax, LISTENS_UDP } from "./listen";
import { connOf, fdMax } from "./loop";
import { statBytes, statNameFd, valueInt, valueText } from "./stat-line";

const address = memory.data(128, 16);
const size = memory.data(4, 4);
const text = memory.data(64, 16);

/** "tcp:1.2.3.4:5" of the sockaddr_in in `address`. */
function addressText(udp: bool): u32 {
  let at = text + textCopy(text, udp ? "udp:" : "tcp:");
  for (let i: usize = 4; i < 8; i++) {
    if (i > 4) store<u8>(at++, 46);
    at += formatU64(at, load<u8>(address + i));
  }
  store<u8>(at, 58);
  at += 1 + formatU64(at + 1, bswap<u16>(load<u16>(address + 2)));
  return <u32>(at - text);
}

function statAddress(fd: i32, name: string, udp: bool, peer: bool): void {
  store<i32>(size, 128);
  memory.fill(address, 0, 8);
  if (peer) sys_getpeername(fd, address, size);
  else sys_getsockname(fd, address, size);
  statNameFd(fd, name);
  statBytes(text, addressText(udp));
}

function statText(fd: i32, name: string, value: string): void {
  statNameFd(fd, name);
  valueText(value);
}

export function statsConns(asking: Conn): void {
  const end = max(fdMax(), listenMax());
  for (let fd = 0; fd < end; fd++) {
    const p = connOf(fd);
    const kind = listenKind(fd);
    if (!p && !kind) continue;
    const udp = kind == LISTENS_UDP;
    if (udp) statText(fd, "UDP", "UDP");
    let silent: u32 = 0;
    if (p) {
      const c = changetype<Conn>(p);
      statAddress(fd, "addr", false, true);
      statAddress(fd, "listen_addr", false, false);
      statText(fd, "state", stateText(c, p == changetype<usize>(asking)));
      silent = currentTime - c.lastCommandTime;
    } else {
      statAddress(fd, "addr", udp, false);
      statText(fd, "state", udp ? "conn_read" : "conn_listening");
      silent = currentTime - (ITEM_UPDATE_INTERVAL + 2); // since the start
    }
    statNameFd(fd, "secs_since_last_cmd");
    valueInt(silent);
  }
}

function stateText(c: Conn, asking: bool): string {
  if (asking) return "conn_parse_cmd";
  if (c.flags & (CONN_DUMPING | CONN_WATCHING)) return "conn_watch";
  if (c.flags & CONN_FULL) return "conn_mwrite";
  if (c.state == STATE_VALUE) return "conn_nread";
  if (c.state == STATE_SWALLOW) return "conn_swallow";
  return "conn_read";
}
