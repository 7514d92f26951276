/** BGREWRITEAOF and LASTSAVE; the RDB commands say who has them. */
import { lastRewriteTime, rewriteAsk, rewriteBusy } from "./aof-rewrite";
import { Client } from "./client";
import { ACL_DANGEROUS, CMD_ADMIN, CMD_FAST, CMD_LOADING, CMD_NOSCRIPT, CMD_NO_ASYNC_LOADING, CMD_NO_MULTI, CMD_STALE, command, describe } from "./command";
import { replyError, replyI64, replyStatus } from "./reply";

function bgrewriteaof(c: Client): void {
  if (rewriteBusy()) {
    replyError(c, "ERR Background append only file rewriting already in progress");
    return;
  }
  rewriteAsk();
  replyStatus(c, "Background append only file rewriting started");
}
function save(c: Client): void {
  replyError(
    c,
    "ERR RDB snapshots are not supported by the 'redis' image: use appendonly yes and BGREWRITEAOF, or boot the 'redis-server' image (the real Redis)",
  );
}
function lastsave(c: Client): void {
  replyI64(c, lastRewriteTime);
}

export function registerPersistenceCommands(): void {
  const flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING;
  command("bgrewriteaof", bgrewriteaof, 1, flags, 0, 0, 0, 0);
  describe("server", "1.0.0", "Asynchronously rewrite the append-only file", "O(1)");
  command("save", save, 1, flags | CMD_NO_MULTI, 0, 0, 0, 0);
  describe("server", "1.0.0", "Synchronously save the dataset to disk", "O(N) where N is the total number of keys in all databases");
  command("bgsave", save, -1, flags, 0, 0, 0, 0);
  describe("server", "1.0.0", "Asynchronously save the dataset to disk", "O(1)");
  command("lastsave", lastsave, 1, CMD_LOADING | CMD_STALE | CMD_FAST, ACL_DANGEROUS, 0, 0, 0);
  describe("server", "1.0.0", "Get the UNIX time stamp of the last successful save to disk", "O(1)");
}
