/** `stats` and everything behind it, as the text protocol asks for it. */
import { parsedU32, ntokens, tokenIs, tokenLength, tokenPtr, tokenU32 } from "./tokens";
import { copy } from "../lib/raw/bytes";
import { cacheDump } from "./cachedump";
import { Conn } from "./connection";
import { commit, outputBytes, outputText, replyLine, reserve } from "./output";
import { settings } from "./settings";
import { statSink } from "./stat-line";
import { statsReset } from "./stats";
import { statsConns } from "./stats-conns";
import { statsGeneral } from "./stats-general";
import { prefixClear, prefixDump, prefixDumpFree } from "./stats-prefix";
import {
  statsItems,
  statsSettings,
  statsSizes,
  statsSizesDisable,
  statsSizesEnable,
  statsSlabs,
  statsTotals,
} from "./stats-store";

let asking: Conn = changetype<Conn>(0);

/** "STAT name value\r\n". */
function statLine(key: usize, nkey: u32, data: usize, ndata: u32): void {
  const at = reserve(asking, nkey + ndata + 8);
  store<u32>(at, 0x54415453); // "STAT"
  store<u8>(at + 4, 32);
  copy(at + 5, key, nkey);
  let end = at + 5 + nkey;
  if (ndata) {
    store<u8>(end, 32);
    copy(end + 1, data, ndata);
    end += 1 + ndata;
  }
  store<u16>(end, 0x0a0d);
  commit(asking, end + 2);
}

/** The groups that have nothing to do with a protocol; false when there is none of that name. */
export function statsGroup(p: usize, n: u32): bool {
  if (is(p, n, "items")) statsItems();
  else if (is(p, n, "slabs")) statsSlabs();
  else if (is(p, n, "sizes")) statsSizes();
  else if (is(p, n, "sizes_enable")) statsSizesEnable();
  else if (is(p, n, "sizes_disable")) statsSizesDisable();
  else return false;
  return true;
}

function is(p: usize, n: u32, text: string): bool {
  if (<i32>n != text.length) return false;
  for (let i: usize = 0; i < n; i++) if (load<u8>(p + i) != <u8>load<u16>(changetype<usize>(text) + (i << 1))) return false;
  return true;
}

export function statsCommand(c: Conn): void {
  asking = c;
  statSink(statLine);
  if (ntokens == 2) {
    statsGeneral();
    statsTotals();
  } else if (tokenIs(1, "reset")) {
    statsReset();
    prefixClear();
    replyLine(c, "RESET");
    return;
  } else if (tokenIs(1, "detail")) {
    detail(c);
    return;
  } else if (tokenIs(1, "settings")) statsSettings();
  else if (tokenIs(1, "cachedump")) {
    dump(c);
    return;
  } else if (tokenIs(1, "conns")) statsConns(c);
  else if (!statsGroup(tokenPtr(1), tokenLength(1))) {
    replyLine(c, "ERROR");
    return;
  }
  outputText(c, "END\r\n");
}

function detail(c: Conn): void {
  if (ntokens < 4) replyLine(c, "CLIENT_ERROR usage: stats detail on|off|dump");
  else if (tokenIs(2, "on")) {
    settings.detailEnabled = true;
    replyLine(c, "OK");
  } else if (tokenIs(2, "off")) {
    settings.detailEnabled = false;
    replyLine(c, "OK");
  } else if (tokenIs(2, "dump")) {
    const lines = prefixDump();
    if (lines.failed) replyLine(c, "SERVER_ERROR out of memory writing stats");
    else outputBytes(c, lines.data, lines.length);
    prefixDumpFree();
  } else replyLine(c, "CLIENT_ERROR usage: stats detail on|off|dump");
}

function dump(c: Conn): void {
  if (!settings.dumpEnabled) {
    replyLine(c, "CLIENT_ERROR stats cachedump not allowed");
    return;
  }
  if (ntokens < 5) {
    replyLine(c, "CLIENT_ERROR bad command line");
    return;
  }
  let ok = tokenU32(2);
  const id = parsedU32;
  ok = ok && tokenU32(3);
  if (!ok) replyLine(c, "CLIENT_ERROR bad command line format");
  else if (id >= 64) replyLine(c, "CLIENT_ERROR Illegal slab id");
  else cacheDump(c, id, parsedU32);
}
