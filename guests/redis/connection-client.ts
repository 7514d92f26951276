/** CLIENT and its subcommands (networking.c of Redis 7.0). Tracking is not supported and says so. */
import { unblockForwarded } from "./shard-route";
import { standsFor } from "./shard-serve";
import { Builder, builderRelease, builderReset, putByte, putBytes, putInt, putText } from "../lib/raw/builder";
import { blobData, blobFree, blobLength, equal, equalWord, tryBlobNew } from "../lib/raw/bytes";
import {
  argc,
  argLen,
  argPtr,
  Client,
  CLIENT_BLOCKED,
  CLIENT_FORWARDING,
  CLIENT_CLOSE_AFTER_REPLY,
  CLIENT_CLOSE_ASAP,
  CLIENT_DIRTY_CAS,
  CLIENT_MONITOR,
  CLIENT_MULTI,
  CLIENT_NO_EVICT,
  CLIENT_PUBSUB,
  CLIENT_REPLY_OFF,
  CLIENT_REPLY_SKIP,
  CLIENT_REPLY_SKIP_NEXT,
  clientById,
  clientCloseSoon,
  clientsHead,
} from "./client";
import {
  ACL_CONNECTION,
  ACL_DANGEROUS,
  argIs,
  CMD_ADMIN,
  CMD_LOADING,
  CMD_NOSCRIPT,
  CMD_STALE,
  Command,
  command,
  describe,
  subcommand,
} from "./command";
import { unblockTimeout } from "./blocked";
import { usable } from "../lib/raw/alloc";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { pauseStart, pauseStop } from "./pause";
import { channelCount, patternCount, shardCount } from "./pubsub";
import {
  Chunk,
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBulk,
  replyBulkText,
  replyError,
  replyHelpLine,
  replyI64,
  replyMap,
  replyNotInteger,
  replyNull,
  replyOk,
  replySet,
  replySyntaxError,
  replyVerbatim,
} from "./reply";
import { monoMs, nowMs } from "./server";

const text: Builder = changetype<Builder>(memory.data(16, 16));
function builderNew(): Builder {
  builderReset(text);
  return text;
}

const TYPE_NORMAL: i32 = 0;
const TYPE_REPLICA: i32 = 1;
const TYPE_PUBSUB: i32 = 2;
const TYPE_MASTER: i32 = 3;

function typeOf(c: Client): i32 {
  return c.flags & CLIENT_PUBSUB && !(c.flags & CLIENT_MONITOR) ? TYPE_PUBSUB : TYPE_NORMAL;
}
function typeArg(i: i32): i32 {
  if (argIs(i, "normal")) return TYPE_NORMAL;
  if (argIs(i, "slave") || argIs(i, "replica")) return TYPE_REPLICA;
  if (argIs(i, "pubsub")) return TYPE_PUBSUB;
  if (argIs(i, "master")) return TYPE_MASTER;
  return -1;
}
function unknownType(c: Client, i: i32): void {
  errorBegin("ERR Unknown client type '");
  errorBytes(argPtr(i), argLen(i), 128);
  errorText("'");
  errorEnd(c);
}

/** Sets the client's name from argument i; replies the error and answers false. */
export function setName(c: Client, i: i32): bool {
  const p = argPtr(i);
  const n = argLen(i);
  for (let k: u32 = 0; k < n; k++) {
    const ch: u32 = load<u8>(p + k);
    if (ch < 33 || ch > 126) {
      replyError(c, "ERR Client names cannot contain spaces, newlines or special characters.");
      return false;
    }
  }
  if (c.name) blobFree(c.name);
  c.name = n ? tryBlobNew(p, n) : 0;
  return true;
}

function client(c: Client): void {
  replyError(c, "ERR wrong number of arguments for 'client' command");
}
function setname(c: Client): void {
  if (setName(c, 2)) replyOk(c);
}
function getname(c: Client): void {
  if (c.name) replyBulk(c, blobData(c.name), blobLength(c.name));
  else replyNull(c);
}
function id(c: Client): void {
  replyI64(c, c.id);
}

/** The line of CLIENT LIST. */
function putClient(b: Builder, c: Client): void {
  putText(b, "id=");
  putInt(b, c.id);
  putText(b, " addr=");
  if (c.peer) putBytes(b, blobData(c.peer), blobLength(c.peer));
  putText(b, " laddr=");
  if (c.local) putBytes(b, blobData(c.local), blobLength(c.local));
  putText(b, " fd=");
  putInt(b, c.fd);
  putText(b, " name=");
  if (c.name) putBytes(b, blobData(c.name), blobLength(c.name));
  putText(b, " age=");
  putInt(b, (nowMs - c.created) / 1000);
  putText(b, " idle=");
  putInt(b, (nowMs - c.lastInteraction) / 1000);
  putText(b, " flags=");
  let any = false;
  if (c.flags & CLIENT_MONITOR) {
    putText(b, "O");
    any = true;
  }
  if (c.flags & CLIENT_PUBSUB) {
    putText(b, "P");
    any = true;
  }
  if (c.flags & CLIENT_MULTI) {
    putText(b, "x");
    any = true;
  }
  if (c.flags & (CLIENT_BLOCKED | CLIENT_FORWARDING)) {
    putText(b, "b");
    any = true;
  }
  if (c.flags & CLIENT_DIRTY_CAS) {
    putText(b, "d");
    any = true;
  }
  if (c.flags & CLIENT_CLOSE_AFTER_REPLY) {
    putText(b, "c");
    any = true;
  }
  if (c.flags & CLIENT_CLOSE_ASAP) {
    putText(b, "A");
    any = true;
  }
  if (c.flags & CLIENT_NO_EVICT) {
    putText(b, "e");
    any = true;
  }
  if (!any) putText(b, "N");
  putText(b, " db=");
  putInt(b, c.db);
  putText(b, " sub=");
  putInt(b, channelCount(c));
  putText(b, " psub=");
  putInt(b, patternCount(c));
  putText(b, " ssub=");
  putInt(b, shardCount(c));
  putText(b, " multi=");
  putInt(b, c.flags & CLIENT_MULTI ? <i64>c.multiCount : -1);
  putText(b, " qbuf=");
  putInt(b, c.queryLen);
  putText(b, " qbuf-free=");
  putInt(b, c.queryCap - c.queryLen);
  putText(b, " argv-mem=");
  putInt(b, c.blockArgs ? <i64>usable(c.blockArgs) : 0);
  putText(b, " multi-mem=");
  putInt(b, c.multiBytes);
  const filling: u32 = c.outPtr ? <u32>(c.outPtr - changetype<Chunk>(c.outTail).data) : 0;
  let chunks = 0;
  for (let p = c.outHead; p; p = changetype<Chunk>(p).next) chunks++;
  for (let p = c.flightHead; p; p = changetype<Chunk>(p).next) chunks++;
  putText(b, " rbs=16384 rbp=16384 obl=0 oll=");
  putInt(b, chunks);
  putText(b, " omem=");
  putInt(b, c.outQueued + filling);
  putText(b, " tot-mem=");
  putInt(b, <i64>usable(changetype<usize>(c)) + c.queryCap + c.outQueued + c.multiBytes);
  putText(b, " events=r cmd=");
  if (c.lastCommand) putText(b, changetype<string>(changetype<Command>(c.lastCommand).name));
  else putText(b, "NULL");
  putText(b, " user=default redir=-1 resp=");
  putInt(b, c.resp);
  putByte(b, 10);
}

function info(c: Client): void {
  const b = builderNew();
  putClient(b, c);
  replyVerbatim(c, b.data, b.length, "txt");
  builderRelease(b);
}

function list(c: Client): void {
  let type = -1;
  let ids = false;
  if (argc == 4 && argIs(2, "type")) {
    type = typeArg(3);
    if (type < 0) {
      unknownType(c, 3);
      return;
    }
  } else if (argc > 3 && argIs(2, "id")) {
    ids = true;
  } else if (argc != 2) {
    replySyntaxError(c);
    return;
  }
  const b = builderNew();
  if (ids) {
    for (let i = 3; i < argc; i++) {
      if (!parseI64(argPtr(i), argLen(i))) {
        builderRelease(b);
        replyError(c, "ERR Invalid client ID");
        return;
      }
      const p = clientById(parsedI64);
      if (p) putClient(b, changetype<Client>(p));
    }
  } else {
    for (let p = clientsHead; p; p = changetype<Client>(p).next) {
      if (type < 0 || typeOf(changetype<Client>(p)) == type) putClient(b, changetype<Client>(p));
    }
  }
  replyVerbatim(c, b.data, b.length, "txt");
  builderRelease(b);
}

function reply(c: Client): void {
  if (argIs(2, "on")) {
    c.flags &= ~(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP | CLIENT_REPLY_SKIP_NEXT);
    replyOk(c);
  } else if (argIs(2, "off")) c.flags |= CLIENT_REPLY_OFF;
  else if (argIs(2, "skip")) {
    if (!(c.flags & CLIENT_REPLY_OFF)) c.flags |= CLIENT_REPLY_SKIP_NEXT;
  } else replySyntaxError(c);
}

function noEvict(c: Client): void {
  if (argIs(2, "on")) {
    c.flags |= CLIENT_NO_EVICT;
    replyOk(c);
  } else if (argIs(2, "off")) {
    c.flags &= ~CLIENT_NO_EVICT;
    replyOk(c);
  } else replySyntaxError(c);
}

function sameAddress(blob: usize, i: i32): bool {
  return blob != 0 && blobLength(blob) == argLen(i) && equal(blobData(blob), argPtr(i), argLen(i));
}

function kill(c: Client): void {
  let addr = 0;
  let laddr = 0;
  let user = 0;
  let id: i64 = 0;
  let type = -1;
  let skipMe = true;
  if (argc == 3) {
    addr = 2;
    skipMe = false;
  } else {
    for (let i = 2; i < argc; i += 2) {
      const more = i + 1 < argc;
      if (more && argIs(i, "id")) {
        if (!parseI64(argPtr(i + 1), argLen(i + 1))) {
          replyNotInteger(c);
          return;
        }
        if (parsedI64 < 1) {
          replyError(c, "ERR client-id should be greater than 0");
          return;
        }
        id = parsedI64;
      } else if (more && argIs(i, "type")) {
        type = typeArg(i + 1);
        if (type < 0) {
          unknownType(c, i + 1);
          return;
        }
      } else if (more && argIs(i, "addr")) addr = i + 1;
      else if (more && argIs(i, "laddr")) laddr = i + 1;
      else if (more && argIs(i, "user")) {
        if (!equalWord(argPtr(i + 1), argLen(i + 1), "default")) {
          errorBegin("ERR No such user '");
          errorBytes(argPtr(i + 1), argLen(i + 1), 128);
          errorText("'");
          errorEnd(c);
          return;
        }
        user = i + 1;
      } else if (more && argIs(i, "skipme")) {
        if (argIs(i + 1, "yes")) skipMe = true;
        else if (argIs(i + 1, "no")) skipMe = false;
        else {
          replySyntaxError(c);
          return;
        }
      } else {
        replySyntaxError(c);
        return;
      }
    }
  }
  let killed = 0;
  let self = false;
  const me = standsFor(c);
  for (let p = clientsHead; p; p = changetype<Client>(p).next) {
    const k = changetype<Client>(p);
    if (k.flags & CLIENT_CLOSE_ASAP) continue;
    if (addr && !sameAddress(k.peer, addr)) continue;
    if (laddr && !sameAddress(k.local, laddr)) continue;
    if (type != -1 && typeOf(k) != type) continue;
    if (id && k.id != id) continue;
    if (k == me) {
      if (skipMe) continue;
      self = true;
    } else clientCloseSoon(k);
    killed++;
  }
  if (argc == 3) {
    if (killed) replyOk(c);
    else replyError(c, "ERR No such client");
  } else replyI64(c, killed);
  if (self) me.flags |= CLIENT_CLOSE_AFTER_REPLY;
}

function unblockSub(c: Client): void {
  let withError = false;
  if (argc == 4) {
    if (argIs(3, "error")) withError = true;
    else if (!argIs(3, "timeout")) {
      replyError(c, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
      return;
    }
  } else if (argc != 3) {
    replyError(c, "ERR wrong number of arguments for 'client|unblock' command");
    return;
  }
  if (!parseI64(argPtr(2), argLen(2))) {
    replyNotInteger(c);
    return;
  }
  const p = clientById(parsedI64);
  if (p && changetype<Client>(p).flags & CLIENT_BLOCKED) {
    unblockTimeout(changetype<Client>(p), withError);
    replyI64(c, 1);
  } else replyI64(c, p && unblockForwarded(changetype<Client>(p), withError) ? 1 : 0);
}

function pause(c: Client): void {
  let kind = 2;
  if (argc == 4) {
    if (argIs(3, "write")) kind = 1;
    else if (!argIs(3, "all")) {
      replyError(c, "ERR CLIENT PAUSE mode must be WRITE or ALL");
      return;
    }
  } else if (argc != 3) {
    replySyntaxError(c);
    return;
  }
  if (!parseI64(argPtr(2), argLen(2))) {
    replyError(c, "ERR timeout is not an integer or out of range");
    return;
  }
  if (parsedI64 < 0) {
    replyError(c, "ERR timeout is negative");
    return;
  }
  pauseStart(monoMs + <f64>parsedI64, kind);
  replyOk(c);
}
function unpause(c: Client): void {
  pauseStop();
  replyOk(c);
}

function tracking(c: Client): void {
  if (argIs(2, "off") && argc == 3) {
    replyOk(c);
    return;
  }
  replyError(c, "ERR CLIENT TRACKING is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis) for client-side caching");
}
function caching(c: Client): void {
  replyError(c, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled; tracking is not supported by the 'redis' image");
}
function getredir(c: Client): void {
  replyI64(c, -1);
}
function trackinginfo(c: Client): void {
  replyMap(c, 3);
  replyBulkText(c, "flags");
  replySet(c, 1);
  replyBulkText(c, "off");
  replyBulkText(c, "redirect");
  replyI64(c, -1);
  replyBulkText(c, "prefixes");
  replyArray(c, 0);
}

function help(c: Client): void {
  replyArray(c, 29);
  replyHelpLine(c, "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  replyHelpLine(c, "GETREDIR");
  replyHelpLine(c, "    Return the client ID we are redirecting to when tracking is enabled.");
  replyHelpLine(c, "GETNAME");
  replyHelpLine(c, "    Return the name of the current connection.");
  replyHelpLine(c, "ID");
  replyHelpLine(c, "    Return the ID of the current connection.");
  replyHelpLine(c, "INFO");
  replyHelpLine(c, "    Return information about the current client connection.");
  replyHelpLine(c, "KILL <ip:port> | <option> <value> [...]");
  replyHelpLine(c, "    Kill connections: ADDR, LADDR, TYPE, USER, SKIPME, ID.");
  replyHelpLine(c, "LIST [TYPE (normal|master|replica|pubsub)] [ID id ...]");
  replyHelpLine(c, "    Return information about client connections.");
  replyHelpLine(c, "NO-EVICT (ON|OFF)");
  replyHelpLine(c, "    Protect current client connection from eviction.");
  replyHelpLine(c, "PAUSE <timeout> [WRITE|ALL]");
  replyHelpLine(c, "    Suspend all, or just write, clients for <timeout> milliseconds.");
  replyHelpLine(c, "REPLY (ON|OFF|SKIP)");
  replyHelpLine(c, "    Control the replies sent to the current connection.");
  replyHelpLine(c, "SETNAME <name>");
  replyHelpLine(c, "    Assign the name <name> to the current connection.");
  replyHelpLine(c, "TRACKINGINFO");
  replyHelpLine(c, "    Report tracking status for the current connection (always off).");
  replyHelpLine(c, "UNBLOCK <clientid> [TIMEOUT|ERROR]");
  replyHelpLine(c, "    Unblock the specified blocked client.");
  replyHelpLine(c, "UNPAUSE");
  replyHelpLine(c, "    Stop the current client pause, resuming traffic.");
  replyHelpLine(c, "HELP");
  replyHelpLine(c, "    Print this help.");
}

export function registerClientCommands(): void {
  const plain = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE;
  const admin = plain | CMD_ADMIN;
  const m = command("client", client, -2, 0, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "2.4.0", "A container for client connection commands", "Depends on subcommand.");
  subcommand(m, "client|caching", caching, 3, plain, ACL_CONNECTION);
  describe("connection", "6.0.0", "Instruct the server about tracking or not keys in the next request", "O(1)");
  subcommand(m, "client|getname", getname, 2, plain, ACL_CONNECTION);
  describe("connection", "2.6.9", "Get the current connection name", "O(1)");
  subcommand(m, "client|getredir", getredir, 2, plain, ACL_CONNECTION);
  describe("connection", "6.0.0", "Get tracking notifications redirection client ID if any", "O(1)");
  subcommand(m, "client|help", help, 2, CMD_LOADING | CMD_STALE, ACL_CONNECTION);
  describe("connection", "5.0.0", "Show helpful text about the different subcommands", "O(1)");
  subcommand(m, "client|id", id, 2, plain, ACL_CONNECTION);
  describe("connection", "5.0.0", "Returns the client ID for the current connection", "O(1)");
  subcommand(m, "client|info", info, 2, plain, ACL_CONNECTION);
  describe("connection", "6.2.0", "Returns information about the current client connection.", "O(1)");
  subcommand(m, "client|kill", kill, -3, admin, ACL_CONNECTION | ACL_DANGEROUS);
  describe("connection", "2.4.0", "Kill the connection of a client", "O(N) where N is the number of client connections");
  subcommand(m, "client|list", list, -2, admin, ACL_CONNECTION | ACL_DANGEROUS);
  describe("connection", "2.4.0", "Get the list of client connections", "O(N) where N is the number of client connections");
  subcommand(m, "client|no-evict", noEvict, 3, admin, ACL_CONNECTION | ACL_DANGEROUS);
  describe("connection", "7.0.0", "Set client eviction mode for the current connection", "O(1)");
  subcommand(m, "client|pause", pause, -3, admin, ACL_CONNECTION | ACL_DANGEROUS);
  describe("connection", "2.9.50", "Stop processing commands from clients for some time", "O(1)");
  subcommand(m, "client|reply", reply, 3, plain, ACL_CONNECTION);
  describe("connection", "3.2.0", "Instruct the server whether to reply to commands", "O(1)");
  subcommand(m, "client|setname", setname, 3, plain, ACL_CONNECTION);
  describe("connection", "2.6.9", "Set the current connection name", "O(1)");
  subcommand(m, "client|tracking", tracking, -3, plain, ACL_CONNECTION);
  describe("connection", "6.0.0", "Enable or disable server assisted client side caching support", "O(1).");
  subcommand(m, "client|trackinginfo", trackinginfo, 2, plain, ACL_CONNECTION);
  describe("connection", "6.2.0", "Return information about server assisted client side caching for the current connection", "O(1)");
  subcommand(m, "client|unblock", unblockSub, -3, admin, ACL_CONNECTION | ACL_DANGEROUS);
  describe("connection", "5.0.0", "Unblock a client blocked in a blocking command from a different connection", "O(log N) where N is the number of client connections");
  subcommand(m, "client|unpause", unpause, 2, admin, ACL_CONNECTION | ACL_DANGEROUS);
  describe("connection", "6.2.0", "Resume processing of clients that were paused", "O(N) Where N is the number of paused clients");
}
