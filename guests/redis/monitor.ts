/** MONITOR: every command, as text, to the clients that asked for it. */
import { argc, argLen, argPtr, Client, CLIENT_DENY_BLOCKING, CLIENT_MONITOR, clientsHead } from "./client";
import {
  ACL_DANGEROUS,
  CMD_ADMIN,
  CMD_LOADING,
  CMD_NOSCRIPT,
  CMD_SKIP_MONITOR,
  CMD_STALE,
  Command,
  command,
  describe,
} from "./command";
import { blobData, blobLength } from "../lib/raw/bytes";
import { formatI64 } from "../lib/raw/number";
import { commit, replyError, replyOk, replyRaw, replyRawText, reserve } from "./reply";
import { sys_clock_ms } from "../lib/sys";

export let monitorCount: i32 = 0;

function monitor(c: Client): void {
  if (c.flags & CLIENT_DENY_BLOCKING) {
    replyError(c, "ERR MONITOR isn't allowed for DENY BLOCKING client");
    return;
  }
  if (!(c.flags & CLIENT_MONITOR)) {
    c.flags |= CLIENT_MONITOR;
    monitorCount++;
  }
  replyOk(c);
}
export function monitorClientFree(c: Client): void {
  if (c.flags & CLIENT_MONITOR) {
    c.flags &= ~CLIENT_MONITOR;
    monitorCount--;
  }
}

const scratch = memory.data(64);
/** Tells the monitors about the command in argc/argv. AUTH and the like are not shown. */
export function feedMonitors(from: Client, m: Command): void {
  if (m.flags & (CMD_SKIP_MONITOR | CMD_ADMIN)) return;
  const us = <i64>(sys_clock_ms(0) * 1000.0);
  for (let p = clientsHead; p; p = changetype<Client>(p).next) {
    const c = changetype<Client>(p);
    if (!(c.flags & CLIENT_MONITOR)) continue;
    replyRawText(c, "+");
    replyRaw(c, scratch, formatI64(scratch, us / 1000000));
    // six digits behind the point
    formatI64(scratch, 1000000 + (us % 1000000));
    store<u8>(scratch, 46);
    replyRaw(c, scratch, 7);
    replyRawText(c, " [");
    replyRaw(c, scratch, formatI64(scratch, from.db));
    replyRawText(c, " ");
    if (from.peer) replyRaw(c, blobData(from.peer), blobLength(from.peer));
    replyRawText(c, "]");
    for (let i = 0; i < argc; i++) {
      replyRawText(c, ' "');
      quoted(c, argPtr(i), argLen(i));
      replyRawText(c, '"');
    }
    replyRawText(c, "\r\n");
  }
}
/** The bytes with the escapes of sdscatrepr. */
export function quoted(c: Client, p: usize, n: u32): void {
  const digits = "0123456789abcdef";
  for (let i: u32 = 0; i < n; i++) {
    const ch: u32 = load<u8>(p + i);
    const at = reserve(c, 4);
    let length: usize = 2;
    if (ch == 92 || ch == 34) store<u16>(at, <u16>(92 | (ch << 8)));
    else if (ch == 10) store<u16>(at, 0x6e5c);
    else if (ch == 13) store<u16>(at, 0x725c);
    else if (ch == 9) store<u16>(at, 0x745c);
    else if (ch == 7) store<u16>(at, 0x615c);
    else if (ch == 8) store<u16>(at, 0x625c);
    else if (ch >= 32 && ch < 127) {
      store<u8>(at, <u8>ch);
      length = 1;
    } else {
      store<u16>(at, 0x785c);
      store<u8>(at + 2, <u8>load<u16>(changetype<usize>(digits) + (<usize>(ch >> 4) << 1)));
      store<u8>(at + 3, <u8>load<u16>(changetype<usize>(digits) + (<usize>(ch & 15) << 1)));
      length = 4;
    }
    commit(c, at + length);
  }
}

export function registerMonitorCommands(): void {
  command("monitor", monitor, 1, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Listen for all requests received by the server in real time", "");
}
