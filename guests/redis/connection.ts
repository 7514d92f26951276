/** Connection commands: PING ECHO SELECT QUIT RESET AUTH HELLO and a few answers about the server's role. CLIENT is in connection-client.ts. */
import { blobData, blobFree, blobLength } from "../lib/raw/bytes";
import {
  argc,
  argLen,
  argPtr,
  Client,
  CLIENT_AUTHENTICATED,
  CLIENT_CLOSE_AFTER_REPLY,
  CLIENT_MONITOR,
  CLIENT_NO_EVICT,
  CLIENT_PUBSUB,
  CLIENT_REPLY_OFF,
  CLIENT_REPLY_SKIP,
  CLIENT_REPLY_SKIP_NEXT,
} from "./client";
import {
  ACL_CONNECTION,
  ACL_DANGEROUS,
  argIs,
  CMD_ADMIN,
  CMD_ALLOW_BUSY,
  CMD_FAST,
  CMD_LOADING,
  CMD_NO_AUTH,
  CMD_NOSCRIPT,
  CMD_SKIP_MONITOR,
  CMD_SKIP_SLOWLOG,
  CMD_STALE,
  command,
  describe,
} from "./command";
import { CMD_ALWAYS, CMD_NEVER_QUEUED, CMD_PUBSUB_ALLOWED } from "./dispatch";
import { monitorClientFree } from "./monitor";
import { discardTransaction } from "./multi";
import { parsedI64, parseI64 } from "../lib/raw/number";
import { pubsubClientFree } from "./pubsub";
import {
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBulk,
  replyBulkI64,
  replyBulkText,
  replyError,
  replyI64,
  replyMap,
  replyOk,
  replyStatus,
  replySyntaxError,
} from "./reply";
import { cfg } from "./server";
import { registerClientCommands, setName } from "./connection-client";
import { sys_clock_ms } from "../lib/sys";

function ping(c: Client): void {
  if (argc > 2) {
    replyError(c, "ERR wrong number of arguments for 'ping' command");
    return;
  }
  if (c.flags & CLIENT_PUBSUB && c.resp == 2) {
    replyArray(c, 2);
    replyBulkText(c, "pong");
    if (argc == 1) replyBulk(c, 0, 0);
    else replyBulk(c, argPtr(1), argLen(1));
  } else if (argc == 1) replyStatus(c, "PONG");
  else replyBulk(c, argPtr(1), argLen(1));
}

function echo(c: Client): void {
  replyBulk(c, argPtr(1), argLen(1));
}

function select(c: Client): void {
  if (!parseI64(argPtr(1), argLen(1)) || parsedI64 < -2147483648 || parsedI64 > 2147483647) {
    replyError(c, "ERR invalid DB index");
    return;
  }
  if (parsedI64 < 0 || parsedI64 >= cfg.databases) {
    replyError(c, "ERR DB index is out of range");
    return;
  }
  c.db = <u32>parsedI64;
  replyOk(c);
}

function quit(c: Client): void {
  replyOk(c);
  c.flags |= CLIENT_CLOSE_AFTER_REPLY;
}

function reset(c: Client): void {
  monitorClientFree(c);
  discardTransaction(c);
  pubsubClientFree(c);
  c.db = 0;
  c.resp = 2;
  c.flags &= ~(
    CLIENT_REPLY_OFF |
    CLIENT_REPLY_SKIP |
    CLIENT_REPLY_SKIP_NEXT |
    CLIENT_NO_EVICT |
    CLIENT_AUTHENTICATED |
    CLIENT_PUBSUB |
    CLIENT_MONITOR
  );
  if (c.name) blobFree(c.name);
  c.name = 0;
  replyStatus(c, "RESET");
}

/** Compares in time that does not depend on where the first difference is. */
function samePassword(p: usize, n: u32, blob: usize): bool {
  const m = blobLength(blob);
  let diff: u32 = n ^ m;
  for (let i: u32 = 0; i < m; i++) diff |= <u32>load<u8>(blobData(blob) + i) ^ (i < n ? <u32>load<u8>(p + i) : 256);
  return diff == 0;
}

/** Checks user and password (argument indices; user 0: "default"); replies the error and answers false. */
function authenticate(c: Client, user: i32, password: i32): bool {
  const isDefault = !user || (argLen(user) == 7 && argIs(user, "default"));
  // Without requirepass the default user is "nopass": any password is right.
  if (isDefault && (!cfg.requirepass || samePassword(argPtr(password), argLen(password), cfg.requirepass))) {
    c.flags |= CLIENT_AUTHENTICATED;
    return true;
  }
  replyError(c, "WRONGPASS invalid username-password pair or user is disabled.");
  return false;
}

function auth(c: Client): void {
  if (argc > 3) {
    replySyntaxError(c);
    return;
  }
  if (argc == 2 && !cfg.requirepass) {
    replyError(c, "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?");
    return;
  }
  if (authenticate(c, argc == 3 ? 1 : 0, argc - 1)) replyOk(c);
}

function hello(c: Client): void {
  let version: i64 = 0;
  let next = 1;
  if (argc >= 2) {
    if (!parseI64(argPtr(1), argLen(1))) {
      replyError(c, "ERR Protocol version is not an integer or out of range");
      return;
    }
    version = parsedI64;
    next = 2;
    if (version < 2 || version > 3) {
      replyError(c, "NOPROTO unsupported protocol version");
      return;
    }
  }
  let name = 0;
  for (let i = next; i < argc; i++) {
    const more = argc - 1 - i;
    if (argIs(i, "auth") && more >= 2) {
      if (!authenticate(c, i + 1, i + 2)) return;
      i += 2;
    } else if (argIs(i, "setname") && more >= 1) {
      name = ++i;
    } else {
      errorBegin("ERR Syntax error in HELLO option '");
      errorBytes(argPtr(i), argLen(i), 128);
      errorText("'");
      errorEnd(c);
      return;
    }
  }
  if (cfg.requirepass && !(c.flags & CLIENT_AUTHENTICATED)) {
    replyError(
      c,
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
    return;
  }
  if (name && !setName(c, name)) return;
  if (version) c.resp = <u32>version;
  replyMap(c, 7);
  replyBulkText(c, "server");
  replyBulkText(c, "redis");
  replyBulkText(c, "version");
  replyBulkText(c, "7.0.15");
  replyBulkText(c, "proto");
  replyI64(c, c.resp);
  replyBulkText(c, "id");
  replyI64(c, c.id);
  replyBulkText(c, "mode");
  replyBulkText(c, "standalone");
  replyBulkText(c, "role");
  replyBulkText(c, "master");
  replyBulkText(c, "modules");
  replyArray(c, 0);
}

function time(c: Client): void {
  const us = <i64>(sys_clock_ms(0) * 1000.0);
  replyArray(c, 2);
  replyBulkI64(c, us / 1000000);
  replyBulkI64(c, us % 1000000);
}

function role(c: Client): void {
  replyArray(c, 3);
  replyBulkText(c, "master");
  replyI64(c, 0);
  replyArray(c, 0);
}

function replicaof(c: Client): void {
  if (argIs(1, "no") && argIs(2, "one")) replyOk(c);
  else replyError(c, "ERR replication is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis) for replication");
}

/** No replicas: 0 at once. */
function wait(c: Client): void {
  if (!parseI64(argPtr(1), argLen(1))) {
    replyError(c, "ERR value is not an integer or out of range");
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
  replyI64(c, 0);
}

function lolwut(c: Client): void {
  replyBulkText(c, "Redis ver. 7.0.15 (Ringzero)\n");
}

export function registerConnectionCommands(): void {
  registerClientCommands();
  const always = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY;
  command("ping", ping, -1, CMD_FAST | CMD_PUBSUB_ALLOWED, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "1.0.0", "Ping the server", "O(1)");
  command("echo", echo, 2, CMD_FAST | CMD_LOADING | CMD_STALE, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "1.0.0", "Echo the given string", "O(1)");
  command("select", select, 2, CMD_FAST | CMD_LOADING | CMD_STALE, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "1.0.0", "Change the selected database for the current connection", "O(1)");
  command("quit", quit, -1, always | CMD_NOSCRIPT | CMD_NO_AUTH | CMD_NEVER_QUEUED | CMD_ALWAYS | CMD_PUBSUB_ALLOWED, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "1.0.0", "Close the connection", "O(1)");
  command("reset", reset, 1, always | CMD_NOSCRIPT | CMD_NO_AUTH | CMD_NEVER_QUEUED | CMD_ALWAYS | CMD_PUBSUB_ALLOWED, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "6.2.0", "Reset the connection", "O(1)");
  command("auth", auth, -2, always | CMD_NOSCRIPT | CMD_NO_AUTH | CMD_SKIP_MONITOR | CMD_SKIP_SLOWLOG, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "1.0.0", "Authenticate to the server", "O(N) where N is the number of passwords defined for the user");
  command("hello", hello, -1, always | CMD_NOSCRIPT | CMD_NO_AUTH | CMD_SKIP_MONITOR | CMD_SKIP_SLOWLOG, ACL_CONNECTION, 0, 0, 0);
  describe("connection", "6.0.0", "Handshake with Redis", "O(1)");
  command("time", time, 1, CMD_LOADING | CMD_STALE | CMD_FAST, 0, 0, 0, 0);
  describe("server", "2.6.0", "Return the current server time", "O(1)");
  command("role", role, 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "2.8.12", "Return the role of the instance in the context of replication", "O(1)");
  command("replicaof", replicaof, 3, CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "5.0.0", "Make the server a replica of another instance, or promote it as master.", "O(1)");
  command("slaveof", replicaof, 3, CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Make the server a replica of another instance, or promote it as master.", "O(1)");
  command("wait", wait, 3, CMD_NOSCRIPT, ACL_CONNECTION, 0, 0, 0);
  describe("generic", "3.0.0", "Wait for the synchronous replication of all the write commands sent in the context of the current connection", "O(1)");
  command("lolwut", lolwut, -1, CMD_FAST, 0, 0, 0, 0);
  describe("server", "5.0.0", "Display some computer art and the Redis version", "");
}
