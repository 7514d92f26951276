/** SHUTDOWN, SIGTERM, SIGINT: the file is flushed and synced, then the guest exits. */
import { aofShutdown, aofShutdownWaits } from "./aof";
import { flushOutput } from "./loop";
import { argc, Client, CLIENT_DENY_BLOCKING } from "./client";
import {
  ACL_DANGEROUS,
  argIs,
  CMD_ADMIN,
  CMD_ALLOW_BUSY,
  CMD_LOADING,
  CMD_NO_MULTI,
  CMD_NOSCRIPT,
  CMD_STALE,
  command,
  describe,
} from "./command";
import { replyError, replyOk, replySyntaxError } from "./reply";
import { log, LOG_WARNING, shutdownAsked, shutdownAskedSet } from "./server";
import { sys_exit_group } from "../lib/sys";

let forced: bool = false;

export function shutdownBegin(): void {
  if (shutdownAsked) return;
  log(LOG_WARNING, "User requested shutdown...");
  shutdownAskedSet(true);
}
/** At the end of each turn while a shutdown is wanted: leaves when everything acknowledged is on disk. */
export function shutdownStep(): void {
  const durable = aofShutdown();
  if (!durable && aofShutdownWaits()) return; // an fsync is under way: its completion brings the next turn
  if (!durable && !forced) {
    log(LOG_WARNING, "Errors trying to SHUTDOWN: the append only file could not be synced. Use SHUTDOWN FORCE to exit anyway.");
    shutdownAskedSet(false);
    return;
  }
  flushOutput();
  log(LOG_WARNING, "Redis is now ready to exit, bye bye...");
  sys_exit_group(0);
}

function shutdown(c: Client): void {
  let save = 0;
  let abort = false;
  let now = false;
  let force = false;
  for (let i = 1; i < argc; i++) {
    if (argIs(i, "nosave") && save != 2) save = 1;
    else if (argIs(i, "save") && save != 1) save = 2;
    else if (argIs(i, "now")) now = true;
    else if (argIs(i, "force")) force = true;
    else if (argIs(i, "abort")) abort = true;
    else {
      replySyntaxError(c);
      return;
    }
  }
  if (abort && (save || now || force)) {
    replySyntaxError(c);
    return;
  }
  if (abort) {
    if (shutdownAsked) {
      shutdownAskedSet(false);
      replyOk(c);
    } else replyError(c, "ERR No shutdown in progress.");
    return;
  }
  if (c.flags & CLIENT_DENY_BLOCKING) {
    replyError(c, "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
    return;
  }
  if (save == 2) {
    replyError(c, "ERR RDB snapshots are not supported by the 'redis' image: boot the 'redis-server' image (the real Redis) for SHUTDOWN SAVE");
    return;
  }
  forced = force;
  shutdownBegin();
}

export function registerShutdownCommands(): void {
  command("shutdown", shutdown, -1, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Synchronously save the dataset to disk and then shut down the server", "");
}
