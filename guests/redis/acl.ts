/**
 * ACL, as far as a server with one user has it: the user `default`, who may do everything and whose password is `requirepass`.
 */
import { Builder, builderReset, putByte, putText } from "../lib/raw/builder";
import { blobData, blobLength } from "../lib/raw/bytes";
import { Client, argLen, argPtr, argc } from "./client";
import {
  ACL_BITMAP,
  ACL_CONNECTION,
  ACL_DANGEROUS,
  ACL_GEO,
  ACL_HASH,
  ACL_HYPERLOGLOG,
  ACL_KEYSPACE,
  ACL_LIST,
  ACL_SCRIPTING,
  ACL_SET,
  ACL_SORTEDSET,
  ACL_STREAM,
  ACL_STRING,
  ACL_TRANSACTION,
  CMD_ADMIN,
  CMD_BLOCKING,
  CMD_FAST,
  CMD_LOADING,
  CMD_NOSCRIPT,
  CMD_PUBSUB,
  CMD_READONLY,
  CMD_STALE,
  CMD_WRITE,
  Command,
  command,
  commandsHead,
  describe,
  subcommand,
} from "./command";
import { equalText } from "../lib/raw/bytes";
import { helpBegin, helpEnd, helpLine } from "./help";
import {
  deferArray,
  deferBegin,
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBulk,
  replyBulkText,
  replyError,
  replyMap,
  replyNull,
  replySet,
} from "./reply";
import { cfg } from "./server";

/** The categories in Redis' order, for ACL CAT and COMMAND INFO. */
const CATEGORIES: string =
  "keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin fast slow blocking dangerous connection transaction scripting";
export const CATEGORY_COUNT: i32 = 21;

/** Whether a command is in category i of CATEGORIES; some follow from its flags, as in Redis. */
export function inCategory(m: Command, i: i32): bool {
  const f = m.flags;
  const a = m.acl;
  switch (i) {
    case 0:
      return (a & ACL_KEYSPACE) != 0;
    case 1:
      return (f & CMD_READONLY) != 0 && !(a & ACL_SCRIPTING);
    case 2:
      return (f & CMD_WRITE) != 0 && !(a & ACL_SCRIPTING);
    case 3:
      return (a & ACL_SET) != 0;
    case 4:
      return (a & ACL_SORTEDSET) != 0;
    case 5:
      return (a & ACL_LIST) != 0;
    case 6:
      return (a & ACL_HASH) != 0;
    case 7:
      return (a & ACL_STRING) != 0;
    case 8:
      return (a & ACL_BITMAP) != 0;
    case 9:
      return (a & ACL_HYPERLOGLOG) != 0;
    case 10:
      return (a & ACL_GEO) != 0;
    case 11:
      return (a & ACL_STREAM) != 0;
    case 12:
      return (f & CMD_PUBSUB) != 0;
    case 13:
      return (f & CMD_ADMIN) != 0;
    case 14:
      return (f & CMD_FAST) != 0;
    case 15:
      return (f & CMD_FAST) == 0;
    case 16:
      return (f & CMD_BLOCKING) != 0;
    case 17:
      return (a & ACL_DANGEROUS) != 0 || (f & CMD_ADMIN) != 0;
    case 18:
      return (a & ACL_CONNECTION) != 0;
    case 19:
      return (a & ACL_TRANSACTION) != 0;
    default:
      return (a & ACL_SCRIPTING) != 0;
  }
}
const name: Builder = changetype<Builder>(memory.data(16, 16));
/** Leaves the name of category i in `name`. */
function nameOf(i: i32): void {
  builderReset(name);
  let at = 0;
  for (let k = 0; k < i; k++) {
    while (CATEGORIES.charCodeAt(at) != 32) at++;
    at++;
  }
  while (at < CATEGORIES.length && CATEGORIES.charCodeAt(at) != 32) putByte(name, CATEGORIES.charCodeAt(at++));
}
/** A category's number by its name, or -1. */
export function categoryFind(p: usize, n: u32): i32 {
  for (let i = 0; i < CATEGORY_COUNT; i++) {
    nameOf(i);
    if (n != name.length) continue;
    let same = true;
    for (let k: u32 = 0; k < n; k++) {
      const ch: u32 = load<u8>(p + k);
      if ((ch - 65 < 26 ? ch + 32 : ch) != <u32>load<u8>(name.data + k)) same = false;
    }
    if (same) return i;
  }
  return -1;
}
/** "@name" of each category a command is in, as a set of statuses. */
export function replyCategories(c: Client, m: Command): void {
  let n: i64 = 0;
  for (let i = 0; i < CATEGORY_COUNT; i++) {
    if (inCategory(m, i)) n++;
  }
  replySet(c, n);
  for (let i = 0; i < CATEGORY_COUNT; i++) {
    if (!inCategory(m, i)) continue;
    nameOf(i);
    builderReset(other);
    putByte(other, 64);
    for (let k: u32 = 0; k < name.length; k++) putByte(other, load<u8>(name.data + k));
    replyStatusOf(c);
  }
}
const other: Builder = changetype<Builder>(memory.data(16, 16));
import { replyStatusBytes } from "./reply";
function replyStatusOf(c: Client): void {
  replyStatusBytes(c, other.data, other.length);
}

// --- SHA-256 of the password: what ACL LIST and GETUSER show (FIPS 180-4) ---------------------------------------------
const K = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
  0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
  0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
  0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
  0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
  0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
const state = memory.data<u32>([0, 0, 0, 0, 0, 0, 0, 0]);
const schedule = memory.data(256, 16);
const block = memory.data(64, 16);

function compress(): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(schedule + i, bswap<u32>(load<u32>(block + i)));
  for (let i: usize = 64; i < 256; i += 4) {
    const w15 = load<u32>(schedule + i - 60);
    const w2 = load<u32>(schedule + i - 8);
    const s0 = rotr<u32>(w15, 7) ^ rotr<u32>(w15, 18) ^ (w15 >> 3);
    const s1 = rotr<u32>(w2, 17) ^ rotr<u32>(w2, 19) ^ (w2 >> 10);
    store<u32>(schedule + i, load<u32>(schedule + i - 64) + s0 + load<u32>(schedule + i - 28) + s1);
  }
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let d = load<u32>(state, 12);
  let c = load<u32>(state, 8);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  for (let i: usize = 0; i < 256; i += 4) {
    const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + load<u32>(K + i) + load<u32>(schedule + i);
    const s0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}
/** Appends the hexadecimal SHA-256 of bytes. */
function putSha256(b: Builder, p: usize, n: u32): void {
  store<u32>(state, 0x6a09e667);
  store<u32>(state, 0xbb67ae85, 4);
  store<u32>(state, 0x3c6ef372, 8);
  store<u32>(state, 0xa54ff53a, 12);
  store<u32>(state, 0x510e527f, 16);
  store<u32>(state, 0x9b05688c, 20);
  store<u32>(state, 0x1f83d9ab, 24);
  store<u32>(state, 0x5be0cd19, 28);
  let at: u32 = 0;
  for (; at + 64 <= n; at += 64) {
    memory.copy(block, p + at, 64);
    compress();
  }
  const rest = n - at;
  memory.fill(block, 0, 64);
  memory.copy(block, p + at, rest);
  store<u8>(block + rest, 0x80);
  if (rest >= 56) {
    compress();
    memory.fill(block, 0, 64);
  }
  store<u64>(block, bswap<u64>(<u64>n << 3), 56);
  compress();
  for (let i: u32 = 0; i < 64; i++) {
    const nibble = (load<u32>(state + (<usize>(i >> 3) << 2)) >> ((7 - (i & 7)) << 2)) & 15;
    putByte(b, nibble < 10 ? 48 + nibble : 87 + nibble);
  }
}

// --- commands ---------------------------------------------------------------------------------------------------------
function aclWhoami(c: Client): void {
  replyBulkText(c, "default");
}
function aclUsers(c: Client): void {
  replyArray(c, 1);
  replyBulkText(c, "default");
}
function aclList(c: Client): void {
  builderReset(other);
  putText(other, "user default on ");
  const password = cfg.requirepass;
  if (password) {
    putByte(other, 35);
    putSha256(other, blobData(password), blobLength(password));
  } else putText(other, "nopass");
  putText(other, " ~* &* +@all");
  replyArray(c, 1);
  replyBulk(c, other.data, other.length);
}
function aclGetuser(c: Client): void {
  if (!equalText(argPtr(2), argLen(2), "default")) {
    replyNull(c);
    return;
  }
  const password = cfg.requirepass;
  replyMap(c, 6);
  replyBulkText(c, "flags");
  replySet(c, password ? 1 : 2);
  replyBulkText(c, "on");
  if (!password) replyBulkText(c, "nopass");
  replyBulkText(c, "passwords");
  replyArray(c, password ? 1 : 0);
  if (password) {
    builderReset(other);
    putSha256(other, blobData(password), blobLength(password));
    replyBulk(c, other.data, other.length);
  }
  replyBulkText(c, "commands");
  replyBulkText(c, "+@all");
  replyBulkText(c, "keys");
  replyBulkText(c, "~*");
  replyBulkText(c, "channels");
  replyBulkText(c, "&*");
  replyBulkText(c, "selectors");
  replyArray(c, 0);
}
function aclCat(c: Client): void {
  if (argc == 2) {
    replyArray(c, CATEGORY_COUNT);
    for (let i = 0; i < CATEGORY_COUNT; i++) {
      nameOf(i);
      replyBulk(c, name.data, name.length);
    }
    return;
  }
  const i = categoryFind(argPtr(2), argLen(2));
  if (argc > 3 || i < 0) {
    errorBegin("ERR Unknown category '");
    errorBytes(argPtr(2), argLen(2), 128);
    errorText("'");
    errorEnd(c);
    return;
  }
  const place = deferBegin(c);
  let n: i64 = 0;
  for (let m = commandsHead; m; m = changetype<Command>(m).order) {
    const k = changetype<Command>(m);
    if (k.children) {
      for (let s = k.children; s; s = changetype<Command>(s).sibling) {
        if (!inCategory(changetype<Command>(s), i)) continue;
        replyBulkText(c, changetype<string>(changetype<Command>(s).name));
        n++;
      }
    } else if (inCategory(k, i)) {
      replyBulkText(c, changetype<string>(k.name));
      n++;
    }
  }
  deferArray(c, place, n);
}
function aclUnsupported(c: Client): void {
  replyError(c, "ERR the 'redis' image has one user, 'default': boot the 'redis-server' image (the real Redis) for ACL users and rules");
}
function aclHelp(c: Client): void {
  helpBegin(c, "ACL");
  helpLine(c, "CAT [<category>]");
  helpLine(c, "    List all commands that belong to <category>, or all command categories");
  helpLine(c, "    when no category is specified.");
  helpLine(c, "GETUSER <username>");
  helpLine(c, "    Get the user's details.");
  helpLine(c, "LIST");
  helpLine(c, "    Show users details in config file format.");
  helpLine(c, "USERS");
  helpLine(c, "    List all the registered usernames.");
  helpLine(c, "WHOAMI");
  helpLine(c, "    Return the current connection username.");
  helpEnd(c);
}
function aclCommand(c: Client): void {}

export function registerAclCommands(): void {
  const admin = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE;
  const open = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE;
  const m = command("acl", aclCommand, -2, 0, 0, 0, 0, 0);
  describe("server", "6.0.0", "A container for Access List Control commands ", "Depends on subcommand.");
  subcommand(m, "acl|whoami", aclWhoami, 2, open, 0);
  describe("server", "6.0.0", "Return the name of the user associated to the current connection", "O(1)");
  subcommand(m, "acl|users", aclUsers, 2, admin, 0);
  describe("server", "6.0.0", "List the username of all the configured ACL rules", "O(N). Where N is the number of configured users.");
  subcommand(m, "acl|list", aclList, 2, admin, 0);
  describe("server", "6.0.0", "List the current ACL rules in ACL config file format", "O(N). Where N is the number of configured users.");
  subcommand(m, "acl|getuser", aclGetuser, 3, admin, 0);
  describe("server", "6.0.0", "Get the rules for a specific ACL user", "O(N). Where N is the number of password, command and pattern rules that the user has.");
  subcommand(m, "acl|cat", aclCat, -2, open, 0);
  describe("server", "6.0.0", "List the ACL categories or the commands inside a category", "O(1) since the categories and commands are a fixed set.");
  subcommand(m, "acl|setuser", aclUnsupported, -3, admin, 0);
  subcommand(m, "acl|deluser", aclUnsupported, -3, admin, 0);
  subcommand(m, "acl|dryrun", aclUnsupported, -4, admin, 0);
  subcommand(m, "acl|genpass", aclUnsupported, -2, open, 0);
  subcommand(m, "acl|load", aclUnsupported, 2, admin, 0);
  subcommand(m, "acl|log", aclUnsupported, -2, admin, 0);
  subcommand(m, "acl|save", aclUnsupported, 2, admin, 0);
  subcommand(m, "acl|help", aclHelp, 2, CMD_LOADING | CMD_STALE, 0);
  describe("server", "6.0.0", "Show helpful text about the different subcommands", "O(1)");
}
