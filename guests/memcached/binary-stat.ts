/** STAT: one packet for each statistic, then an empty one. */
import { copy, equalText, textCopy } from "../lib/raw/bytes";
import { Conn } from "./connection";
import { head, HEAD_BYTES, key, KEY_ENOENT, keyLength, replyStatus, SUCCESS } from "./binary-reply";
import { commit, outputBytes, reserve } from "./output";
import { settings } from "./settings";
import { statSink } from "./stat-line";
import { statsReset } from "./stats";
import { statsGeneral } from "./stats-general";
import { prefixClear, prefixDump, prefixDumpFree } from "./stats-prefix";
import { statsSettings, statsTotals } from "./stats-store";
import { statsGroup } from "./text-stats";

let asking: Conn = changetype<Conn>(0);

function packet(name: usize, nname: u32, data: usize, ndata: u32): void {
  const at = reserve(asking, HEAD_BYTES + nname + ndata);
  const body = head(asking, at, SUCCESS, 0, nname, nname + ndata, 0);
  copy(body, name, nname);
  copy(body + nname, data, ndata);
  commit(asking, body + nname + ndata);
}

/** The dump as one value. */
function detailed(): void {
  const lines = prefixDump();
  if (!lines.failed) {
    const at = reserve(asking, HEAD_BYTES + 8);
    const body = head(asking, at, SUCCESS, 0, 8, 8 + lines.length, 0);
    textCopy(body, "detailed");
    commit(asking, body + 8);
    outputBytes(asking, lines.data, lines.length);
  }
  prefixDumpFree();
}

/** Whether the key begins with the word, as memcached compares here. */
function begins(word: string): bool {
  return <i32>keyLength >= word.length && equalText(key, word.length, word);
}

export function binaryStat(c: Conn): void {
  asking = c;
  statSink(packet);
  if (!keyLength) {
    statsGeneral();
    statsTotals();
  } else if (begins("reset")) {
    statsReset();
    prefixClear();
  } else if (begins("settings")) statsSettings();
  else if (begins("detail on")) settings.detailEnabled = true;
  else if (begins("detail off")) settings.detailEnabled = false;
  else if (begins("detail dump")) detailed();
  else if (begins("detail") || !statsGroup(key, keyLength)) {
    replyStatus(c, KEY_ENOENT, 0);
    return;
  }
  packet(0, 0, 0, 0);
}
