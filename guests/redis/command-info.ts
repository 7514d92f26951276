/** COMMAND: the command table as clients ask for it. Everything comes from the rows of command.ts. */
import { categoryFind, inCategory, replyCategories } from "./acl";
import { globMatch } from "../lib/raw/bytes";
import { Client, argLen, argPtr, argc } from "./client";
import {
  ACL_CONNECTION,
  CMD_ADMIN,
  CMD_ALLOW_BUSY,
  CMD_ASKING,
  CMD_BLOCKING,
  CMD_DENYOOM,
  CMD_FAST,
  CMD_LOADING,
  CMD_MOVABLE_KEYS,
  CMD_NOSCRIPT,
  CMD_NO_ASYNC_LOADING,
  CMD_NO_AUTH,
  CMD_NO_MULTI,
  CMD_PUBSUB,
  CMD_READONLY,
  CMD_SKIP_MONITOR,
  CMD_SKIP_SLOWLOG,
  CMD_STALE,
  CMD_WRITE,
  Command,
  KEYS_NUMKEYS,
  KEYS_NUMKEYS_STORE,
  KEYS_RANGE,
  KEYS_SORT,
  KEYS_STREAMS,
  argIs,
  command,
  commandCount,
  commandFind,
  commandsHead,
  describe,
  subcommand,
  subcommandFind,
} from "./command";
import { helpBegin, helpEnd, helpLine } from "./help";
import { commandByFullName } from "./latency";
import { parseI64, parsedI64 } from "../lib/raw/number";
import {
  deferArray,
  deferBegin,
  deferMap,
  replyArray,
  replyBulk,
  replyBulkText,
  replyError,
  replyI64,
  replyMap,
  replyNullArray,
  replySet,
  replyStatus,
  replySyntaxError,
} from "./reply";

// --- COMMAND INFO ---------------------------------------------------------------------------------------------------
/** Flag names, in the order of the bits below. */
function flagName(i: i32): string {
  switch (i) {
    case 0:
      return "write";
    case 1:
      return "readonly";
    case 2:
      return "denyoom";
    case 3:
      return "admin";
    case 4:
      return "pubsub";
    case 5:
      return "noscript";
    case 6:
      return "blocking";
    case 7:
      return "loading";
    case 8:
      return "stale";
    case 9:
      return "skip_monitor";
    case 10:
      return "skip_slowlog";
    case 11:
      return "asking";
    case 12:
      return "fast";
    case 13:
      return "no_auth";
    case 14:
      return "no_async_loading";
    case 15:
      return "no_multi";
    case 16:
      return "movablekeys";
    default:
      return "allow_busy";
  }
}
const FLAG_BITS = memory.data<u32>([
  CMD_WRITE,
  CMD_READONLY,
  CMD_DENYOOM,
  CMD_ADMIN,
  CMD_PUBSUB,
  CMD_NOSCRIPT,
  CMD_BLOCKING,
  CMD_LOADING,
  CMD_STALE,
  CMD_SKIP_MONITOR,
  CMD_SKIP_SLOWLOG,
  CMD_ASKING,
  CMD_FAST,
  CMD_NO_AUTH,
  CMD_NO_ASYNC_LOADING,
  CMD_NO_MULTI,
  CMD_MOVABLE_KEYS,
  CMD_ALLOW_BUSY,
]);
const FLAG_COUNT: i32 = 18;

function replyFlags(c: Client, flags: u32): void {
  let n: i64 = 0;
  for (let i = 0; i < FLAG_COUNT; i++) {
    if (flags & load<u32>(FLAG_BITS + (<usize>i << 2))) n++;
  }
  replySet(c, n);
  for (let i = 0; i < FLAG_COUNT; i++) {
    if (flags & load<u32>(FLAG_BITS + (<usize>i << 2))) replyStatus(c, flagName(i));
  }
}

/** What a command does with its keys, in the words of Redis' key specifications. */
function replyKeyFlags(c: Client, m: Command): void {
  if (m.flags & CMD_WRITE) {
    replySet(c, 2);
    replyStatus(c, "RW");
    replyStatus(c, m.flags & CMD_DENYOOM ? "UPDATE" : "DELETE");
  } else {
    replySet(c, m.flags & CMD_READONLY ? 2 : 1);
    replyStatus(c, "RO");
    if (m.flags & CMD_READONLY) replyStatus(c, "ACCESS");
  }
}
function specIndex(c: Client, m: Command, index: i64): void {
  replyMap(c, 3);
  replyBulkText(c, "flags");
  replyKeyFlags(c, m);
  replyBulkText(c, "begin_search");
  replyMap(c, 2);
  replyBulkText(c, "type");
  replyBulkText(c, "index");
  replyBulkText(c, "spec");
  replyMap(c, 1);
  replyBulkText(c, "index");
  replyI64(c, index);
  replyBulkText(c, "find_keys");
  replyMap(c, 2);
  replyBulkText(c, "type");
}
function specRange(c: Client, m: Command, first: i64, last: i64, step: i64): void {
  specIndex(c, m, first);
  replyBulkText(c, "range");
  replyBulkText(c, "spec");
  replyMap(c, 3);
  replyBulkText(c, "lastkey");
  replyI64(c, last);
  replyBulkText(c, "keystep");
  replyI64(c, step);
  replyBulkText(c, "limit");
  replyI64(c, 0);
}
function replyKeySpecs(c: Client, m: Command): void {
  const counted = m.keysKind == KEYS_NUMKEYS || m.keysKind == KEYS_NUMKEYS_STORE;
  const range = m.firstKey > 0;
  const fixed = range || m.keysKind == KEYS_NUMKEYS_STORE;
  replySet(c, (fixed ? 1 : 0) + (counted ? 1 : 0));
  // A range's last key is relative to the first when it is counted from the front.
  if (range) specRange(c, m, m.firstKey, m.lastKey >= 0 ? m.lastKey - m.firstKey : m.lastKey, m.keyStep);
  else if (fixed) specRange(c, m, 1, 0, 1);
  if (counted) {
    specIndex(c, m, m.keyArg);
    replyBulkText(c, "keynum");
    replyBulkText(c, "spec");
    replyMap(c, 3);
    replyBulkText(c, "keynumidx");
    replyI64(c, 0);
    replyBulkText(c, "firstkey");
    replyI64(c, 1);
    replyBulkText(c, "keystep");
    replyI64(c, 1);
  }
}

function replyInfo(c: Client, found: usize): void {
  if (!found) {
    replyNullArray(c);
    return;
  }
  const m = changetype<Command>(found);
  replyArray(c, 10);
  replyBulkText(c, changetype<string>(m.name));
  replyI64(c, m.arity);
  replyFlags(c, m.flags);
  replyI64(c, m.firstKey);
  replyI64(c, m.lastKey);
  replyI64(c, m.keyStep);
  replyCategories(c, m);
  replyArray(c, 0); // tips
  replyKeySpecs(c, m);
  let n: i64 = 0;
  for (let s = m.children; s; s = changetype<Command>(s).sibling) n++;
  replyArray(c, n);
  for (let s = m.children; s; s = changetype<Command>(s).sibling) replyInfo(c, s);
}
function commandAll(c: Client): void {
  replyArray(c, commandCount);
  for (let m = commandsHead; m; m = changetype<Command>(m).order) replyInfo(c, m);
}
function commandInfo(c: Client): void {
  if (argc == 2) {
    commandAll(c);
    return;
  }
  replyArray(c, argc - 2);
  for (let i = 2; i < argc; i++) replyInfo(c, commandByFullName(argPtr(i), argLen(i)));
}
function commandCountReply(c: Client): void {
  replyI64(c, commandCount);
}

// --- COMMAND DOCS ------------------------------------------------------------------------------------------------------
function textOf(p: usize): string {
  return p ? changetype<string>(p) : "";
}
function replyDocs(c: Client, m: Command): void {
  replyBulkText(c, changetype<string>(m.name));
  const summary = textOf(m.summary);
  const since = textOf(m.since);
  const complexity = textOf(m.complexity);
  const group = textOf(m.group);
  let lines = 1;
  if (summary.length) lines++;
  if (since.length) lines++;
  if (complexity.length) lines++;
  if (m.children) lines++;
  replyMap(c, lines);
  if (summary.length) {
    replyBulkText(c, "summary");
    replyBulkText(c, summary);
  }
  if (since.length) {
    replyBulkText(c, "since");
    replyBulkText(c, since);
  }
  replyBulkText(c, "group");
  replyBulkText(c, group.length ? group : "generic");
  if (complexity.length) {
    replyBulkText(c, "complexity");
    replyBulkText(c, complexity);
  }
  if (m.children) {
    replyBulkText(c, "subcommands");
    let n: i64 = 0;
    for (let s = m.children; s; s = changetype<Command>(s).sibling) n++;
    replyMap(c, n);
    for (let s = m.children; s; s = changetype<Command>(s).sibling) replyDocs(c, changetype<Command>(s));
  }
}
function commandDocs(c: Client): void {
  const place = deferBegin(c);
  let n: i64 = 0;
  if (argc == 2) {
    for (let m = commandsHead; m; m = changetype<Command>(m).order) {
      replyDocs(c, changetype<Command>(m));
      n++;
    }
  }
  for (let i = 2; i < argc; i++) {
    const found = commandByFullName(argPtr(i), argLen(i));
    if (!found) continue;
    replyDocs(c, changetype<Command>(found));
    n++;
  }
  deferMap(c, place, n);
}

// --- COMMAND LIST ---------------------------------------------------------------------------------------------------------
const FILTER_NONE: i32 = 0;
const FILTER_MODULE: i32 = 1;
const FILTER_CATEGORY: i32 = 2;
const FILTER_PATTERN: i32 = 3;
const nameBytes = memory.data(128, 16);

function filtered(m: Command, filter: i32, category: i32): bool {
  if (filter == FILTER_NONE) return true;
  if (filter == FILTER_MODULE) return false;
  if (filter == FILTER_CATEGORY) return category >= 0 && inCategory(m, category);
  const name = changetype<string>(m.name);
  for (let i = 0; i < name.length; i++) store<u8>(nameBytes + i, <u8>name.charCodeAt(i));
  return globMatch(argPtr(4), argLen(4), nameBytes, name.length, true);
}
function commandList(c: Client): void {
  let filter = FILTER_NONE;
  let category = -1;
  if (argc > 2) {
    if (argc != 5 || !argIs(2, "filterby")) {
      replySyntaxError(c);
      return;
    }
    if (argIs(3, "module")) filter = FILTER_MODULE;
    else if (argIs(3, "aclcat")) {
      filter = FILTER_CATEGORY;
      category = categoryFind(argPtr(4), argLen(4));
    } else if (argIs(3, "pattern")) filter = FILTER_PATTERN;
    else {
      replySyntaxError(c);
      return;
    }
  }
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let p = commandsHead; p; p = changetype<Command>(p).order) {
    const m = changetype<Command>(p);
    if (filtered(m, filter, category)) {
      replyBulkText(c, changetype<string>(m.name));
      n++;
    }
    // Subcommands are listed by filters only, as in Redis.
    for (let s: usize = filter == FILTER_NONE ? 0 : m.children; s; s = changetype<Command>(s).sibling) {
      if (!filtered(changetype<Command>(s), filter, category)) continue;
      replyBulkText(c, changetype<string>(changetype<Command>(s).name));
      n++;
    }
  }
  deferArray(c, place, n);
}

// --- COMMAND GETKEYS -----------------------------------------------------------------------------------------------------------
let keysCommand: usize = 0;
function replyKey(c: Client, i: i32, withFlags: bool): void {
  if (withFlags) replyArray(c, 2);
  replyBulk(c, argPtr(i), argLen(i));
  if (withFlags) replyKeyFlags(c, changetype<Command>(keysCommand));
}
/** Replies the keys of the request that starts at argument 2; how many, or -1 when its key count is not a number or too large. */
function replyKeys(c: Client, m: Command, withFlags: bool): i64 {
  const base = 2;
  const count = argc - base;
  let n: i64 = 0;
  if (m.firstKey > 0) {
    const last = m.lastKey < 0 ? count + m.lastKey : m.lastKey;
    for (let i = m.firstKey; i <= last && i < count; i += m.keyStep > 0 ? m.keyStep : 1) {
      replyKey(c, base + i, withFlags);
      n++;
    }
  }
  if (m.keysKind == KEYS_NUMKEYS || m.keysKind == KEYS_NUMKEYS_STORE) {
    const at = base + m.keyArg;
    if (at >= argc || !parseI64(argPtr(at), argLen(at)) || parsedI64 < 0 || parsedI64 > argc - at - 1) return -1;
    const keys = <i32>parsedI64;
    if (m.keysKind == KEYS_NUMKEYS_STORE && m.firstKey <= 0) {
      replyKey(c, base + 1, withFlags);
      n++;
    }
    for (let i = 1; i <= keys; i++) {
      replyKey(c, at + i, withFlags);
      n++;
    }
  } else if (m.keysKind == KEYS_SORT) {
    if (m.firstKey <= 0) {
      replyKey(c, base + 1, withFlags);
      n++;
    }
    let store = 0;
    for (let i = base + 2; i + 1 < argc; i++) {
      if (argIs(i, "limit")) i += 2;
      else if (argIs(i, "get") || argIs(i, "by")) i++;
      else if (argIs(i, "store")) store = i + 1;
    }
    if (store) {
      replyKey(c, store, withFlags);
      n++;
    }
  } else if (m.keysKind == KEYS_STREAMS) {
    let first = base + 1;
    while (first < argc && !argIs(first, "streams")) first++;
    first++;
    const keys = (argc - first) >> 1;
    for (let i = first; i < first + keys; i++) {
      replyKey(c, i, withFlags);
      n++;
    }
  }
  return n;
}
function getKeys(c: Client, withFlags: bool): void {
  let found = commandFind(argPtr(2), argLen(2));
  if (found && changetype<Command>(found).children && argc > 3) {
    const sub = subcommandFind(changetype<Command>(found), argPtr(3), argLen(3));
    if (sub) found = sub;
  }
  if (!found) {
    replyError(c, "ERR Invalid command specified");
    return;
  }
  const m = changetype<Command>(found);
  if (m.firstKey <= 0 && m.keysKind == KEYS_RANGE) {
    replyError(c, "ERR The command has no key arguments");
    return;
  }
  const count = argc - 2;
  if (m.arity > 0 ? count != m.arity : count < -m.arity) {
    replyError(c, "ERR Invalid number of arguments specified for command");
    return;
  }
  keysCommand = found;
  // Counted first without replying: a wrong key count must be an error alone.
  if ((m.keysKind == KEYS_NUMKEYS || m.keysKind == KEYS_NUMKEYS_STORE) && !keyCountValid(m)) {
    replyError(c, "ERR Invalid arguments specified for command");
    return;
  }
  const place = deferBegin(c);
  deferArray(c, place, replyKeys(c, m, withFlags));
}
function keyCountValid(m: Command): bool {
  const at = 2 + m.keyArg;
  return at < argc && parseI64(argPtr(at), argLen(at)) && parsedI64 > 0 && parsedI64 <= argc - at - 1;
}
function commandGetkeys(c: Client): void {
  getKeys(c, false);
}
function commandGetkeysAndFlags(c: Client): void {
  getKeys(c, true);
}

function commandHelp(c: Client): void {
  helpBegin(c, "COMMAND");
  helpLine(c, "(no subcommand)");
  helpLine(c, "    Return details about all Redis commands.");
  helpLine(c, "COUNT");
  helpLine(c, "    Return the total number of commands in this Redis server.");
  helpLine(c, "LIST");
  helpLine(c, "    Return a list of all commands in this Redis server.");
  helpLine(c, "INFO [<command-name> ...]");
  helpLine(c, "    Return details about multiple Redis commands.");
  helpLine(c, "    If no command names are given, documentation details for all");
  helpLine(c, "    commands are returned.");
  helpLine(c, "DOCS [<command-name> ...]");
  helpLine(c, "    Return documentation details about multiple Redis commands.");
  helpLine(c, "    If no command names are given, documentation details for all");
  helpLine(c, "    commands are returned.");
  helpLine(c, "GETKEYS <full-command>");
  helpLine(c, "    Return the keys from a full Redis command.");
  helpLine(c, "GETKEYSANDFLAGS <full-command>");
  helpLine(c, "    Return the keys and the access flags from a full Redis command.");
  helpEnd(c);
}

export function registerCommandCommands(): void {
  const flags = CMD_LOADING | CMD_STALE;
  const m = command("command", commandAll, -1, flags, ACL_CONNECTION, 0, 0, 0);
  describe("server", "2.8.13", "Get array of Redis command details", "O(N) where N is the total number of Redis commands");
  subcommand(m, "command|count", commandCountReply, 2, flags, ACL_CONNECTION);
  describe("server", "2.8.13", "Get total number of Redis commands", "O(1)");
  subcommand(m, "command|info", commandInfo, -2, flags, ACL_CONNECTION);
  describe("server", "2.8.13", "Get array of specific Redis command details, or all when no argument is given.", "O(N) where N is the number of commands to look up");
  subcommand(m, "command|docs", commandDocs, -2, flags, ACL_CONNECTION);
  describe("server", "7.0.0", "Get array of specific Redis command documentation", "O(N) where N is the number of commands to look up");
  subcommand(m, "command|list", commandList, -2, flags, ACL_CONNECTION);
  describe("server", "7.0.0", "Get an array of Redis command names", "O(N) where N is the total number of Redis commands");
  subcommand(m, "command|getkeys", commandGetkeys, -3, flags, ACL_CONNECTION);
  describe("server", "2.8.13", "Extract keys given a full Redis command", "O(N) where N is the number of arguments to the command");
  subcommand(m, "command|getkeysandflags", commandGetkeysAndFlags, -3, flags, ACL_CONNECTION);
  describe("server", "7.0.0", "Extract keys and access flags given a full Redis command", "O(N) where N is the number of arguments to the command");
  subcommand(m, "command|help", commandHelp, 2, flags, ACL_CONNECTION);
  describe("server", "5.0.0", "Show helpful text about the different subcommands", "O(1)");
}
