/**
 * Publish and subscribe: channels, patterns and shard channels.
 *
 * Three dicts of the server (channel -> Subscribers) and three of each client (channel -> 0). A Subscribers block is an array of clients in
 * the order in which they subscribed. A name is in a server dict exactly while somebody subscribes to it. `pubsubClientFree` must
 * be called before a client is freed.
 */
import { free, tryRealloc } from "../lib/raw/alloc";
import { globMatch } from "../lib/raw/bytes";
import { CLIENT_CLOSE_ASAP, CLIENT_EXECUTING, CLIENT_PUBSUB, Client, argLen, argPtr, argc } from "./client";
import {
  CMD_FAST,
  CMD_LOADING,
  CMD_MAY_REPLICATE,
  CMD_NOSCRIPT,
  CMD_PUBSUB,
  CMD_STALE,
  command,
  describe,
  subcommand,
} from "./command";
import {
  Dict,
  dictAdd,
  dictFind,
  dictFirst,
  dictFree,
  dictNew,
  dictNext,
  dictPause,
  dictRemove,
  dictResume,
  dictUnlink,
  entryKey,
  entryLength,
  entrySetValue,
  entryValue,
} from "./dict";
import { deferArray, deferBegin, replyArray, replyBulk, replyError, replyI64, replyNull, replyOom, replyPush, replyRawText } from "./reply";
import { CMD_PUBSUB_ALLOWED } from "./dispatch";
import { helpBegin, helpEnd, helpLine } from "./help";
import { shardTotal } from "../lib/raw/shard-link";
import { publishElsewhere } from "./shard-serve";
import { stats } from "./server";

const CHANNEL: u32 = 0;
const PATTERN: u32 = 1;
const SHARD: u32 = 2;

// Subscribers: count u32, capacity u32, then client pointers.
let channels: Dict = changetype<Dict>(0);
let patterns: Dict = changetype<Dict>(0);
let shardChannels: Dict = changetype<Dict>(0);

export function pubsubInit(): void {
  channels = dictNew();
  patterns = dictNew();
  shardChannels = dictNew();
}
export function pubsubChannelCount(): u32 {
  return channels.used;
}
export function pubsubPatternCount(): u32 {
  return patterns.used;
}
export function pubsubShardCount(): u32 {
  return shardChannels.used;
}

function serverDict(kind: u32): Dict {
  return kind == CHANNEL ? channels : kind == PATTERN ? patterns : shardChannels;
}
function clientDict(c: Client, kind: u32): usize {
  return kind == CHANNEL ? c.channels : kind == PATTERN ? c.patterns : c.shardChannels;
}
function clientDictSet(c: Client, kind: u32, d: usize): void {
  if (kind == CHANNEL) c.channels = d;
  else if (kind == PATTERN) c.patterns = d;
  else c.shardChannels = d;
}
function usedOf(d: usize): u32 {
  return d ? changetype<Dict>(d).used : 0;
}
/** Channels and patterns (sub of CLIENT LIST counts channels alone). */
export function subscriptionCount(c: Client): u32 {
  return usedOf(c.channels) + usedOf(c.patterns);
}
export function channelCount(c: Client): u32 {
  return usedOf(c.channels);
}
export function patternCount(c: Client): u32 {
  return usedOf(c.patterns);
}
export function shardCount(c: Client): u32 {
  return usedOf(c.shardChannels);
}
function countFor(c: Client, kind: u32): u32 {
  return kind == SHARD ? usedOf(c.shardChannels) : subscriptionCount(c);
}

// --- subscribing ---------------------------------------------------------------------------------------------
/** False when memory is short (nothing changed). */
function subscribe(c: Client, kind: u32, p: usize, n: u32): bool {
  let own = clientDict(c, kind);
  if (!own) {
    own = changetype<usize>(dictNew());
    clientDictSet(c, kind, own);
  }
  const mine = changetype<Dict>(own);
  if (dictFind(mine, p, n)) return true;
  const server = serverDict(kind);
  let e = dictFind(server, p, n);
  if (!e) {
    e = dictAdd(server, p, n);
    if (!e) return false;
  }
  let list = entryValue(e);
  const count = list ? load<u32>(list) : 0;
  if (!list || count == load<u32>(list, 4)) {
    const cap = count ? count << 1 : 2;
    const q = tryRealloc(list, 8 + (<usize>cap << 2));
    if (!q) {
      if (!list) {
        dictUnlink(server, e);
        free(e);
      }
      return false;
    }
    list = q;
    store<u32>(list, count);
    store<u32>(list, cap, 4);
    entrySetValue(e, list);
  }
  if (!dictAdd(mine, p, n)) {
    if (!count) {
      free(list);
      dictUnlink(server, e);
      free(e);
    }
    return false;
  }
  store<usize>(list + 8 + (<usize>count << 2), changetype<usize>(c));
  store<u32>(list, count + 1);
  if (!(c.flags & CLIENT_PUBSUB)) {
    c.flags |= CLIENT_PUBSUB;
    stats.pubsubClients++;
  }
  return true;
}

function leave(c: Client, kind: u32, p: usize, n: u32): void {
  const server = serverDict(kind);
  const e = dictFind(server, p, n);
  if (!e) return;
  const list = entryValue(e);
  const count = load<u32>(list);
  let at: u32 = 0;
  while (at < count && load<usize>(list + 8 + (<usize>at << 2)) != changetype<usize>(c)) at++;
  if (at == count) return;
  const from = list + 8 + (<usize>at << 2);
  memory.copy(from, from + 4, <usize>(count - at - 1) << 2);
  store<u32>(list, count - 1);
  if (count == 1) {
    free(list);
    dictUnlink(server, e);
    free(e);
  }
}

function flagUpdate(c: Client): void {
  if (c.flags & CLIENT_PUBSUB && !(subscriptionCount(c) + shardCount(c))) {
    c.flags &= ~CLIENT_PUBSUB;
    stats.pubsubClients--;
  }
}

/** Takes a client out of everything, without replies: RESET, or before it is freed. */
export function pubsubClientFree(c: Client): void {
  for (let kind: u32 = 0; kind < 3; kind++) {
    const own = clientDict(c, kind);
    if (!own) continue;
    const d = changetype<Dict>(own);
    dictPause(d);
    for (let e = dictFirst(d); e; e = dictNext(d, e)) leave(c, kind, entryKey(e), entryLength(e));
    dictResume(d);
    dictFree(d, 0);
    clientDictSet(c, kind, 0);
  }
  flagUpdate(c);
}

// --- replies ------------------------------------------------------------------------------------------------------
function replyWord(c: Client, kind: u32, on: bool): void {
  if (kind == CHANNEL) replyRawText(c, on ? "$9\r\nsubscribe\r\n" : "$11\r\nunsubscribe\r\n");
  else if (kind == PATTERN) replyRawText(c, on ? "$10\r\npsubscribe\r\n" : "$12\r\npunsubscribe\r\n");
  else replyRawText(c, on ? "$10\r\nssubscribe\r\n" : "$12\r\nsunsubscribe\r\n");
}

function subscribeAll(c: Client, kind: u32): void {
  for (let i = 1; i < argc; i++) {
    if (!subscribe(c, kind, argPtr(i), argLen(i))) {
      replyOom(c);
      return;
    }
    replyPush(c, 3);
    replyWord(c, kind, true);
    replyBulk(c, argPtr(i), argLen(i));
    replyI64(c, countFor(c, kind));
  }
}

function unsubscribeOne(c: Client, kind: u32, p: usize, n: u32): void {
  const own = clientDict(c, kind);
  if (own && dictFind(changetype<Dict>(own), p, n)) {
    leave(c, kind, p, n);
    dictRemove(changetype<Dict>(own), p, n);
  }
  replyPush(c, 3);
  replyWord(c, kind, false);
  replyBulk(c, p, n);
  replyI64(c, countFor(c, kind));
}

function unsubscribeAll(c: Client, kind: u32): void {
  if (argc > 1) {
    for (let i = 1; i < argc; i++) unsubscribeOne(c, kind, argPtr(i), argLen(i));
  } else {
    const own = clientDict(c, kind);
    if (!usedOf(own)) {
      replyPush(c, 3);
      replyWord(c, kind, false);
      replyNull(c);
      replyI64(c, countFor(c, kind));
    } else {
      const d = changetype<Dict>(own);
      let left = d.used;
      dictPause(d);
      for (let e = dictFirst(d); e; ) {
        const next = dictNext(d, e);
        leave(c, kind, entryKey(e), entryLength(e));
        left--;
        replyPush(c, 3);
        replyWord(c, kind, false);
        replyBulk(c, entryKey(e), entryLength(e));
        replyI64(c, kind == CHANNEL ? left + usedOf(c.patterns) : kind == PATTERN ? left + usedOf(c.channels) : left);
        e = next;
      }
      dictResume(d);
      dictFree(d, 0);
      clientDictSet(c, kind, 0);
    }
  }
  flagUpdate(c);
}

// --- publishing ---------------------------------------------------------------------------------------------------------
function deliver(list: usize, pattern: usize, patternLen: u32, channel: usize, channelLen: u32, message: usize, n: u32, shard: bool): u32 {
  const count = load<u32>(list);
  let sent: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const c = changetype<Client>(load<usize>(list + 8 + (<usize>i << 2)));
    if (c.flags & CLIENT_CLOSE_ASAP) continue;
    sent++;
    replyPush(c, pattern ? 4 : 3);
    if (pattern) {
      replyRawText(c, "$8\r\npmessage\r\n");
      replyBulk(c, pattern, patternLen);
    } else replyRawText(c, shard ? "$8\r\nsmessage\r\n" : "$7\r\nmessage\r\n");
    replyBulk(c, channel, channelLen);
    replyBulk(c, message, n);
  }
  return sent;
}

/** Sends a message to the subscribers of a channel and of matching patterns; how many receivers. */
export function pubsubPublish(channel: usize, channelLen: u32, message: usize, n: u32, shard: bool): u32 {
  let receivers: u32 = 0;
  const d = shard ? shardChannels : channels;
  if (d.used) {
    const e = dictFind(d, channel, channelLen);
    if (e) receivers += deliver(entryValue(e), 0, 0, channel, channelLen, message, n, shard);
  }
  if (shard || !patterns.used) return receivers;
  for (let e = dictFirst(patterns); e; e = dictNext(patterns, e)) {
    if (globMatch(entryKey(e), entryLength(e), channel, channelLen, false)) {
      receivers += deliver(entryValue(e), entryKey(e), entryLength(e), channel, channelLen, message, n, false);
    }
  }
  return receivers;
}

function subscribeCommand(c: Client): void {
  subscribeAll(c, CHANNEL);
}
function psubscribeCommand(c: Client): void {
  subscribeAll(c, PATTERN);
}
function ssubscribeCommand(c: Client): void {
  subscribeAll(c, SHARD);
}
function unsubscribeCommand(c: Client): void {
  unsubscribeAll(c, CHANNEL);
}
function punsubscribeCommand(c: Client): void {
  unsubscribeAll(c, PATTERN);
}
function sunsubscribeCommand(c: Client): void {
  unsubscribeAll(c, SHARD);
}
function publish(c: Client, shard: bool): void {
  // Every shard is asked to publish to its own clients (shard-route.ts); in a transaction, which one shard runs, that one tells the others.
  if (c.flags & CLIENT_EXECUTING && shardTotal > 1) publishElsewhere(argPtr(1), argLen(1), argPtr(2), argLen(2), shard);
  replyI64(c, pubsubPublish(argPtr(1), argLen(1), argPtr(2), argLen(2), shard));
}
function publishCommand(c: Client): void {
  publish(c, false);
}
function spublishCommand(c: Client): void {
  publish(c, true);
}

// --- PUBSUB -----------------------------------------------------------------------------------------------------------------
function listChannels(c: Client, d: Dict): void {
  const all = argc == 2;
  const place = deferBegin(c);
  let count: i64 = 0;
  for (let e = d.used ? dictFirst(d) : 0; e; e = dictNext(d, e)) {
    if (all || globMatch(argPtr(2), argLen(2), entryKey(e), entryLength(e), false)) {
      replyBulk(c, entryKey(e), entryLength(e));
      count++;
    }
  }
  deferArray(c, place, count);
}
function countSubscribers(c: Client, d: Dict): void {
  replyArray(c, (argc - 2) * 2);
  for (let i = 2; i < argc; i++) {
    replyBulk(c, argPtr(i), argLen(i));
    const e = dictFind(d, argPtr(i), argLen(i));
    replyI64(c, e ? load<u32>(entryValue(e)) : 0);
  }
}
function pubsubCommand(c: Client): void {
  replyError(c, "ERR wrong number of arguments for 'pubsub' command");
}
function pubsubArityOk(c: Client): bool {
  if (argc <= 3) return true;
  replyError(c, "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.");
  return false;
}
function pubsubChannels(c: Client): void {
  if (pubsubArityOk(c)) listChannels(c, channels);
}
function pubsubShardChannels(c: Client): void {
  if (pubsubArityOk(c)) listChannels(c, shardChannels);
}
function pubsubNumsub(c: Client): void {
  countSubscribers(c, channels);
}
function pubsubShardNumsub(c: Client): void {
  countSubscribers(c, shardChannels);
}
function pubsubNumpat(c: Client): void {
  replyI64(c, patterns.used);
}
function pubsubHelp(c: Client): void {
  helpBegin(c, "PUBSUB");
  helpLine(c, "CHANNELS [<pattern>]");
  helpLine(c, "    Return the currently active channels matching a <pattern> (default: '*').");
  helpLine(c, "NUMPAT");
  helpLine(c, "    Return number of subscriptions to patterns.");
  helpLine(c, "NUMSUB [<channel> ...]");
  helpLine(c, "    Return the number of subscribers for the specified channels, excluding");
  helpLine(c, "    pattern subscriptions(default: no channels).");
  helpLine(c, "SHARDCHANNELS [<pattern>]");
  helpLine(c, "    Return the currently active shard level channels matching a <pattern> (default: '*').");
  helpLine(c, "SHARDNUMSUB [<shardchannel> ...]");
  helpLine(c, "    Return the number of subscribers for the specified shard level channel(s)");
  helpEnd(c);
}

export function registerPubsubCommands(): void {
  const base = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_PUBSUB_ALLOWED;
  const n = "O(N) where N is the number of channels to subscribe to.";
  command("subscribe", subscribeCommand, -2, base, 0, 0, 0, 0);
  describe("pubsub", "2.0.0", "Listen for messages published to the given channels", n);
  command("unsubscribe", unsubscribeCommand, -1, base, 0, 0, 0, 0);
  describe("pubsub", "2.0.0", "Stop listening for messages posted to the given channels", "O(N) where N is the number of clients already subscribed to a channel.");
  command("psubscribe", psubscribeCommand, -2, base, 0, 0, 0, 0);
  describe("pubsub", "2.0.0", "Listen for messages published to channels matching the given patterns", "O(N) where N is the number of patterns the client is already subscribed to.");
  command("punsubscribe", punsubscribeCommand, -1, base, 0, 0, 0, 0);
  describe(
    "pubsub",
    "2.0.0",
    "Stop listening for messages posted to channels matching the given patterns",
    "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).",
  );
  command("ssubscribe", ssubscribeCommand, -2, base, 0, 1, -1, 1);
  describe("pubsub", "7.0.0", "Listen for messages published to the given shard channels", "O(N) where N is the number of shard channels to subscribe to.");
  command("sunsubscribe", sunsubscribeCommand, -1, base, 0, 1, -1, 1);
  describe("pubsub", "7.0.0", "Stop listening for messages posted to the given shard channels", "O(N) where N is the number of clients already subscribed to a channel.");
  const publishes = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE;
  command("publish", publishCommand, 3, publishes, 0, 0, 0, 0);
  describe("pubsub", "2.0.0", "Post a message to a channel", "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).");
  command("spublish", spublishCommand, 3, publishes, 0, 1, 1, 1);
  describe("pubsub", "7.0.0", "Post a message to a shard channel", "O(N) where N is the number of clients subscribed to the receiving shard channel.");
  const m = command("pubsub", pubsubCommand, -2, 0, 0, 0, 0, 0);
  describe("pubsub", "2.8.0", "A container for Pub/Sub commands", "Depends on subcommand.");
  const info = CMD_PUBSUB | CMD_LOADING | CMD_STALE;
  subcommand(m, "pubsub|channels", pubsubChannels, -2, info, 0);
  describe("pubsub", "2.8.0", "List active channels", "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)");
  subcommand(m, "pubsub|numsub", pubsubNumsub, -2, info, 0);
  describe("pubsub", "2.8.0", "Get the count of subscribers for channels", "O(N) for the NUMSUB subcommand, where N is the number of requested channels");
  subcommand(m, "pubsub|numpat", pubsubNumpat, 2, info, 0);
  describe("pubsub", "2.8.0", "Get the count of unique patterns pattern subscriptions", "O(1)");
  subcommand(m, "pubsub|shardchannels", pubsubShardChannels, -2, info, 0);
  describe("pubsub", "7.0.0", "List active shard channels", "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).");
  subcommand(m, "pubsub|shardnumsub", pubsubShardNumsub, -2, info, 0);
  describe("pubsub", "7.0.0", "Get the count of subscribers for shard channels", "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels");
  subcommand(m, "pubsub|help", pubsubHelp, 2, CMD_LOADING | CMD_STALE, 0);
  describe("pubsub", "6.2.0", "Show helpful text about the different subcommands", "O(1)");
}
