/**
 * Client: one connection (or the fake client that replays the append-only file), and the arguments of the command being run.
 *
 * Lives from ACCEPT until its descriptor is closed; `clientFree` may be called only between commands (use
 * `clientCloseSoon` from a command). Lists of clients are intrusive.
 */
import { alloc, allocZero, tryRealloc } from "../lib/raw/alloc";

export const CLIENT_MULTI: u32 = 1 << 0;
export const CLIENT_BLOCKED: u32 = 1 << 1;
export const CLIENT_DIRTY_CAS: u32 = 1 << 2; // EXEC will fail: a watched key changed
export const CLIENT_DIRTY_EXEC: u32 = 1 << 3; // EXEC will fail: a command did not queue
export const CLIENT_CLOSE_AFTER_REPLY: u32 = 1 << 4;
export const CLIENT_CLOSE_ASAP: u32 = 1 << 5;
export const CLIENT_MONITOR: u32 = 1 << 6;
export const CLIENT_PUBSUB: u32 = 1 << 7; // subscribed to something
export const CLIENT_AUTHENTICATED: u32 = 1 << 8;
export const CLIENT_REPLY_OFF: u32 = 1 << 9;
export const CLIENT_REPLY_SKIP_NEXT: u32 = 1 << 10;
export const CLIENT_REPLY_SKIP: u32 = 1 << 11;
export const CLIENT_NO_EVICT: u32 = 1 << 12;
export const CLIENT_DENY_BLOCKING: u32 = 1 << 13; // inside EXEC or loading: a blocking command must not wait
export const CLIENT_FAKE: u32 = 1 << 14; // replays the append-only file
export const CLIENT_PENDING: u32 = 1 << 15; // in the list of clients with output
export const CLIENT_REEXECUTING: u32 = 1 << 16; // a blocked command is being run again for `readyKey`
export const CLIENT_EXECUTING: u32 = 1 << 17; // inside EXEC
export const CLIENT_CLOSED: u32 = 1 << 18; // the peer has hung up
export const CLIENT_READY_QUEUED: u32 = 1 << 19; // unblocked: has unread input to be parsed
export const CLIENT_PAUSED: u32 = 1 << 20; // its command waits for CLIENT UNPAUSE
export const CLIENT_STANDIN: u32 = 1 << 21; // runs what other shards have forwarded (shard-serve.ts)
export const CLIENT_FORWARDING: u32 = 1 << 22; // its next request waits for those that have been forwarded
export const CLIENT_FULL: u32 = 1 << 23; // it does not read its replies: no more of it is read, or run
export const CLIENT_EOF: u32 = 1 << 24; // and it has ended its side meanwhile

@unmanaged
export class Client {
  next: usize;
  prev: usize;
  id: i64;
  fd: i32;
  flags: u32;
  db: u32; // selected database
  resp: u32; // 2 or 3
  name: usize; // blob or 0
  // input: bytes not yet parsed, own buffer (0 while everything was parsed in the lent one)
  query: usize;
  queryCap: u32;
  queryLen: u32;
  // a multibulk request whose arguments have partly arrived
  multibulk: u32; // how many arguments it has; 0: between requests, or it is parsed again from its start
  partArgs: usize; // pairs (offset, length) relative to `query`
  partCount: u32;
  partCap: u32;
  // output
  outPtr: usize; // where the next reply byte goes
  outEnd: usize;
  outHead: usize; // first chunk that was not sent
  outTail: usize; // chunk being filled (or the last sealed one)
  outQueued: u32; // bytes in sealed chunks and in flight
  inFlight: u32; // sends under way
  pendingNext: usize; // list of clients with output
  gateSeq: i64; // it wrote: its output leaves when the AOF is durable up to here, or becomes errors
  readSeq: i64; // it may have seen others' writes: its output waits for the same, but stays as it is
  softLimitSince: i64;
  // MULTI
  multiQueue: usize; // see multi.ts
  multiCount: u32;
  multiCap: u32;
  multiBytes: u32;
  multiFlags: u64; // or of the queued commands' flags
  watchHead: usize;
  // blocking
  blockKind: u32; // see blocked.ts
  blockDeadline: f64; // monotonic ms, 0: for ever
  blockHead: usize; // keys waited for
  blockArgs: usize; // the kept command
  blockTimer: u32;
  // pub/sub (pubsub.ts)
  channels: usize; // Dict or 0
  patterns: usize;
  shardChannels: usize;
  // bookkeeping
  created: i64; // ms
  lastInteraction: i64; // ms
  lastCommand: usize; // Command or 0
  peer: usize; // blob "ip:port"
  local: usize;
  // a request being swallowed (protocol.ts)
  discarding: u32;
  discardBytes: u32; // of the argument under way
  discardArgs: u32; // arguments behind it
  queryNeed: u32; // do not parse before the buffer holds so many bytes
  // chunks in flight (loop.ts)
  flightHead: usize;
  flightTail: usize;
  closeNext: usize; // list of clients to close
  blockedNext: usize; // list of blocked clients (blocked.ts)
  blockedPrev: usize;
  unblockedNext: usize;
  // requests forwarded to other shards (shard-order.ts, shard-route.ts)
  outWait: usize; // the first placeholder in the output, or 0
  outReady: usize; // the chunk before it
  forwards: u32;
  forwardBytes: u32;
  forwardWaits: u32; // of them, those that the next request has to wait for
  boundShard: i32; // the shard of its transaction, plus 1; 0: none yet
  session: u32; // 1: that shard keeps a stand-in for it, which watches
  // of a stand-in
  standShard: i32;
  standToken: u32;
  standId: i64; // the client it stands for
}

/** Heads of lists. */
export let clientsHead: usize = 0;
let clientsTail: usize = 0;
export let clientCount: i32 = 0;
let clientNextId: i64 = 1;
let clientIdStep: i64 = 1;
/** Shard `self` of `total` gives every total-th number, so that each is one client's only. */
export function clientIdsOf(self: i32, total: i32): void {
  clientNextId = self + 1;
  clientIdStep = total;
}
/** A number for a client that is in no list. */
export function clientIdTake(): i64 {
  const id = clientNextId;
  clientNextId += clientIdStep;
  return id;
}

export function clientNew(fd: i32): Client {
  const c = changetype<Client>(allocZero(offsetof<Client>()));
  c.fd = fd;
  c.resp = 2;
  return c;
}
/** The client whose command runs, or 0. */
export let currentClient: usize = 0;
export function currentClientSet(p: usize): void {
  currentClient = p;
}
export function clientLink(c: Client): void {
  c.id = clientIdTake();
  c.prev = clientsTail;
  if (clientsTail) changetype<Client>(clientsTail).next = changetype<usize>(c);
  else clientsHead = changetype<usize>(c);
  clientsTail = changetype<usize>(c);
  clientCount++;
}
/** Clients to be closed at the end of the turn. */
export let closeHead: usize = 0;
export function closeHeadSet(p: usize): void {
  closeHead = p;
}
/** Marks a client to be closed at the end of the turn; its replies go nowhere. */
export function clientCloseSoon(c: Client): void {
  if (c.flags & CLIENT_CLOSE_ASAP) return;
  c.flags |= CLIENT_CLOSE_ASAP;
  if (c.flags & (CLIENT_FAKE | CLIENT_STANDIN)) return;
  c.closeNext = closeHead;
  closeHead = changetype<usize>(c);
}
export function clientUnlink(c: Client): void {
  if (c.next) changetype<Client>(c.next).prev = c.prev;
  else clientsTail = c.prev;
  if (c.prev) changetype<Client>(c.prev).next = c.next;
  else clientsHead = c.next;
  clientCount--;
}
export function clientById(id: i64): usize {
  for (let p = clientsHead; p; p = changetype<Client>(p).next) {
    if (changetype<Client>(p).id == id) return p;
  }
  return 0;
}

// --- the arguments of the command being run ---------------------------------------------------------------
/** Number of arguments, the command's name included. */
export let argc: i32 = 0;
/** Pairs (pointer u32, length u32). */
export let argv: usize = 0;
export let argvCap: i32 = 0;
/** The request exactly as it came when it came as one RESP array (0 otherwise): what the AOF appends. */
export let rawPtr: usize = 0;
export let rawLen: u32 = 0;

export function argsInit(): void {
  argvCap = 1024;
  argv = alloc(<usize>argvCap << 3);
}
// @ts-ignore: decorator
@inline
export function argPtr(i: i32): usize {
  return load<usize>(argv + (<usize>i << 3));
}
// @ts-ignore: decorator
@inline
export function argLen(i: i32): u32 {
  return load<u32>(argv + (<usize>i << 3), 4);
}
// @ts-ignore: decorator
@inline
export function argSet(i: i32, p: usize, n: u32): void {
  const at = argv + (<usize>i << 3);
  store<usize>(at, p);
  store<u32>(at, n, 4);
}
export function argcSet(n: i32): void {
  argc = n;
}
export function rawSet(p: usize, n: u32): void {
  rawPtr = p;
  rawLen = n;
}
/** Makes the vector hold `n` arguments; false when memory is short. */
export function argvReserve(n: i32): bool {
  if (n <= argvCap) return true;
  return argvGrow(n);
}
/** Points the vector at another array (EXEC, re-execution); answers the old one. */
export function argvSwap(vector: usize, cap: i32): usize {
  const old = argv;
  argv = vector;
  argvCap = cap;
  return old;
}
function argvGrow(n: i32): bool {
  const cap = max(n, argvCap << 1);
  const q = tryRealloc(argv, <usize>cap << 3);
  if (!q) return false;
  argv = q;
  argvCap = cap;
  return true;
}
