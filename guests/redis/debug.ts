/** DEBUG: the part of it that testing a server needs. */
import { argDouble, argF64, argI64, argInt } from "./arguments";
import { argc, argLen, argPtr, Client } from "./client";
import { ACL_DANGEROUS, argIs, CMD_ADMIN, CMD_LOADING, CMD_NOSCRIPT, CMD_STALE, command, describe } from "./command";
import { entryValue } from "./dict";
import { dbDict, dbFind, dbVolatileCount } from "./keyspace";
import { encodingName, idleSeconds, Obj, STRING, strView, viewLen } from "./object";
import { containerBytes } from "./container";
import {
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBool,
  replyBulkText,
  replyError,
  replyF64,
  replyHelpLine,
  replyI64,
  replyMap,
  replyNoKey,
  replyNull,
  replyOk,
  replyPush,
  replyRawText,
  replySet,
  replyStatusBytes,
  replyVerbatim,
} from "./reply";
import { Builder, builderReset, putInt, putText } from "../lib/raw/builder";
import { cfg, clockRefresh } from "./server";
import { sys_clock_ms, sys_sleep_ms } from "../lib/sys";

const text: Builder = changetype<Builder>(memory.data(16, 16));

function debug(c: Client): void {
  if (argIs(1, "sleep") && argc == 3) {
    if (!argF64(c, 2)) return;
    // In a callback there is no stack to park: the machine's one thread waits, as Redis' own does.
    if (sys_sleep_ms(argDouble * 1000.0) < 0) {
      const end = sys_clock_ms(1) + argDouble * 1000.0;
      while (sys_clock_ms(1) < end) {}
    }
    clockRefresh();
    replyOk(c);
  } else if (argIs(1, "set-active-expire") && argc == 3) {
    if (!argI64(c, 2)) return;
    cfg.activeExpire = argInt ? 1 : 0;
    replyOk(c);
  } else if (argIs(1, "object") && argc == 3) {
    const e = dbFind(c.db, argPtr(2), argLen(2));
    if (!e) {
      replyNoKey(c);
      return;
    }
    const o = changetype<Obj>(entryValue(e));
    builderReset(text);
    putText(text, "Value at:0x");
    putInt(text, changetype<usize>(o));
    putText(text, " refcount:");
    putInt(text, o.refs);
    putText(text, " encoding:");
    putText(text, encodingName(o));
    putText(text, " serializedlength:");
    if (<u32>o.type == STRING) {
      strView(o);
      putInt(text, viewLen);
    } else putInt(text, containerBytes(o, 0));
    putText(text, " lru:");
    putInt(text, o.lru);
    putText(text, " lru_seconds_idle:");
    putInt(text, idleSeconds(o));
    replyStatusBytes(c, text.data, text.length);
  } else if (argIs(1, "htstats") && argc >= 3) {
    if (!argI64(c, 2)) return;
    if (argInt < 0 || argInt >= cfg.databases) {
      replyError(c, "ERR Out of range database");
      return;
    }
    const d = dbDict(<u32>argInt);
    builderReset(text);
    putText(text, "[Dictionary HT]\nHash table 0 stats (main hash table):\n table size: ");
    putInt(text, <i64>d.mask + 1);
    putText(text, "\n number of elements: ");
    putInt(text, d.used);
    putText(text, "\n[Expires HT]\n number of elements: ");
    putInt(text, dbVolatileCount(<u32>argInt));
    putText(text, "\n");
    replyVerbatim(c, text.data, text.length, "txt");
  } else if (argIs(1, "protocol") && argc == 3) {
    protocol(c);
  } else if (argIs(1, "help")) {
    replyArray(c, 13);
    replyHelpLine(c, "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    replyHelpLine(c, "HTSTATS <dbid>");
    replyHelpLine(c, "    Return hash table statistics of the specified Redis database.");
    replyHelpLine(c, "OBJECT <key>");
    replyHelpLine(c, "    Show low level info about `key` and associated value.");
    replyHelpLine(c, "PROTOCOL <type>");
    replyHelpLine(c, "    Reply with a test value of the specified type.");
    replyHelpLine(c, "SET-ACTIVE-EXPIRE <0|1>");
    replyHelpLine(c, "    Setting it to 0 disables expiring keys (and hash fields) in background.");
    replyHelpLine(c, "SLEEP <seconds>");
    replyHelpLine(c, "    Stop the server for <seconds>. Decimals allowed.");
    replyHelpLine(c, "HELP");
    replyHelpLine(c, "    Print this help.");
  } else {
    errorBegin("ERR DEBUG '");
    errorBytes(argPtr(1), argLen(1), 64);
    errorText("' is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis) for it. Try DEBUG HELP.");
    errorEnd(c);
  }
}

/** DEBUG PROTOCOL: one reply of each RESP type. */
function protocol(c: Client): void {
  if (argIs(2, "string")) replyBulkText(c, "Hello World");
  else if (argIs(2, "integer")) replyI64(c, 12345);
  else if (argIs(2, "double")) replyF64(c, 3.141);
  else if (argIs(2, "null")) replyNull(c);
  else if (argIs(2, "array")) {
    replyArray(c, 3);
    for (let i = 0; i < 3; i++) replyI64(c, i);
  } else if (argIs(2, "set")) {
    replySet(c, 3);
    for (let i = 0; i < 3; i++) replyI64(c, i);
  } else if (argIs(2, "map")) {
    replyMap(c, 3);
    for (let i = 0; i < 3; i++) {
      replyI64(c, i);
      replyBool(c, i == 1);
    }
  } else if (argIs(2, "attrib")) {
    if (c.resp == 3) {
      replyRawText(c, "|1\r\n");
      replyBulkText(c, "key-popularity");
      replyArray(c, 2);
      replyBulkText(c, "key:123");
      replyI64(c, 90);
    }
    replyBulkText(c, "Some real reply following the attribute");
  } else if (argIs(2, "push")) {
    if (c.resp == 2) {
      replyError(c, "ERR RESP2 is not supported by this command");
      return;
    }
    replyPush(c, 2);
    replyBulkText(c, "server-cpu-usage");
    replyI64(c, 42);
  } else if (argIs(2, "verbatim")) {
    builderReset(text);
    putText(text, "This is a verbatim\nstring");
    replyVerbatim(c, text.data, text.length, "txt");
  } else if (argIs(2, "true")) replyBool(c, true);
  else if (argIs(2, "false")) replyBool(c, false);
  else if (argIs(2, "bignum")) {
    if (c.resp == 2) replyBulkText(c, "1234567999999999999999999999999999999");
    else replyRawText(c, "(1234567999999999999999999999999999999\r\n");
  } else replyError(c, "ERR Wrong protocol type name. Please use one of the following: string|integer|double|null|array|set|map|attrib|push|verbatim|true|false");
}

export function registerDebugCommands(): void {
  command("debug", debug, -2, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "A container for debugging commands", "Depends on subcommand.");
}
