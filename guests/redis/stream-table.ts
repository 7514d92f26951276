/** The rows of the command table for streams, as Redis 7.0 reports them in COMMAND INFO and COMMAND DOCS. */
import { Client } from "./client";
import {
  ACL_STREAM,
  CMD_BLOCKING,
  CMD_DENYOOM,
  CMD_FAST,
  CMD_LOADING,
  CMD_MOVABLE_KEYS,
  CMD_READONLY,
  CMD_STALE,
  CMD_WRITE,
  Command,
  command,
  describe,
  KEYS_STREAMS,
  keysAt,
  subcommand,
} from "./command";
import { xautoclaim, xclaim, xpending } from "./stream-claim-commands";
import { xadd, xdel, xlen, xrange, xrevrange, xsetid, xtrim } from "./stream-commands";
import {
  xack,
  xgroup,
  xgroupCreate,
  xgroupCreateconsumer,
  xgroupDelconsumer,
  xgroupDestroy,
  xgroupHelp,
  xgroupSetid,
} from "./stream-group-commands";
import { xinfo, xinfoConsumers, xinfoGroups, xinfoHelp, xinfoStream } from "./stream-info-commands";
import { xread, xreadgroup } from "./stream-read-commands";

function row(name: string, handler: (c: Client) => void, arity: i32, flags: u32, since: string, summary: string, complexity: string): void {
  command(name, handler, arity, flags, ACL_STREAM, 1, 1, 1);
  describe("stream", since, summary, complexity);
}
function part(parent: Command, name: string, handler: (c: Client) => void, arity: i32, flags: u32, since: string, summary: string): void {
  const m = subcommand(parent, name, handler, arity, flags, ACL_STREAM);
  if (!(flags & CMD_LOADING)) {
    m.firstKey = 2;
    m.lastKey = 2;
    m.keyStep = 1;
  }
  describe("stream", since, summary, "O(1)");
}

export function registerStreamCommands(): void {
  row("xadd", xadd, -5, CMD_WRITE | CMD_DENYOOM | CMD_FAST, "5.0.0", "Appends an entry to a stream, creating it if needed.", "O(1)");
  row("xlen", xlen, 2, CMD_READONLY | CMD_FAST, "5.0.0", "Returns the number of entries of a stream.", "O(1)");
  row("xrange", xrange, -4, CMD_READONLY, "5.0.0", "Returns the entries of a range of ids.", "O(N)");
  row("xrevrange", xrevrange, -4, CMD_READONLY, "5.0.0", "Returns the entries of a range of ids in reverse order.", "O(N)");
  row("xdel", xdel, -3, CMD_WRITE | CMD_FAST, "5.0.0", "Removes entries from a stream.", "O(1)");
  row("xtrim", xtrim, -4, CMD_WRITE, "5.0.0", "Removes the oldest entries of a stream.", "O(N)");
  row("xsetid", xsetid, -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, "5.0.0", "Sets the last id of a stream.", "O(1)");
  row("xack", xack, -4, CMD_WRITE | CMD_FAST, "5.0.0", "Tells a group that entries have been processed.", "O(1)");
  row("xpending", xpending, -3, CMD_READONLY, "5.0.0", "Returns the entries a group has been given but not acknowledged.", "O(N)");
  row("xclaim", xclaim, -6, CMD_WRITE | CMD_FAST, "5.0.0", "Takes over pending entries.", "O(log N)");
  row("xautoclaim", xautoclaim, -6, CMD_WRITE | CMD_FAST, "6.2.0", "Takes over pending entries that have waited long.", "O(1)");
  command("xread", xread, -4, CMD_READONLY | CMD_BLOCKING | CMD_MOVABLE_KEYS, ACL_STREAM, 0, 0, 0);
  keysAt(KEYS_STREAMS, 0);
  describe("stream", "5.0.0", "Returns entries of several streams above given ids, or waits for some.", "O(N)");
  command("xreadgroup", xreadgroup, -7, CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS, ACL_STREAM, 0, 0, 0);
  keysAt(KEYS_STREAMS, 0);
  describe("stream", "5.0.0", "Returns new entries, or those pending, to a consumer of a group.", "O(M)");
  const group = command("xgroup", xgroup, -2, 0, ACL_STREAM, 0, 0, 0);
  describe("stream", "5.0.0", "A container for consumer group commands.", "Depends on subcommand.");
  part(group, "xgroup|create", xgroupCreate, -5, CMD_WRITE | CMD_DENYOOM, "5.0.0", "Creates a group.");
  part(group, "xgroup|setid", xgroupSetid, -5, CMD_WRITE, "5.0.0", "Sets a group's last delivered id.");
  part(group, "xgroup|destroy", xgroupDestroy, 4, CMD_WRITE, "5.0.0", "Removes a group.");
  part(group, "xgroup|createconsumer", xgroupCreateconsumer, 5, CMD_WRITE | CMD_DENYOOM, "6.2.0", "Creates a consumer.");
  part(group, "xgroup|delconsumer", xgroupDelconsumer, 5, CMD_WRITE, "5.0.0", "Removes a consumer.");
  part(group, "xgroup|help", xgroupHelp, 2, CMD_LOADING | CMD_STALE, "5.0.0", "Explains the subcommands.");
  const info = command("xinfo", xinfo, -2, 0, ACL_STREAM, 0, 0, 0);
  describe("stream", "5.0.0", "A container for stream introspection commands.", "Depends on subcommand.");
  part(info, "xinfo|stream", xinfoStream, -3, CMD_READONLY, "5.0.0", "Describes a stream.");
  part(info, "xinfo|groups", xinfoGroups, 3, CMD_READONLY, "5.0.0", "Lists the groups of a stream.");
  part(info, "xinfo|consumers", xinfoConsumers, 4, CMD_READONLY, "5.0.0", "Lists the consumers of a group.");
  part(info, "xinfo|help", xinfoHelp, 2, CMD_LOADING | CMD_STALE, "5.0.0", "Explains the subcommands.");
}
