/** Commands of the baseline on lists, hashes, sets and sorted sets. */
import { type Command, command, formatFloat, parseFloatExact, parseInteger, type Session } from "./command.ts";
import { Deque } from "./deque.ts";
import {
  array,
  bulk,
  emptyArray,
  integer,
  nil,
  notFloat,
  notInteger,
  one,
  syntaxError,
  wrongType,
  zero,
} from "./resp.ts";
import { type Ranked, SortedSet } from "./sorted-set.ts";
import type { Store, Value } from "./store.ts";

const hashNotInteger = "-ERR hash value is not an integer\r\n";

type Container = Exclude<Value, string>;

/** The container at a key, made if absent; undefined if something else lives there. */
function open<T extends Container>(store: Store, key: string, kind: new () => T): T | undefined {
  const value = store.get(key);
  if (value === undefined) {
    const made = new kind();
    store.set(key, made);
    return made;
  }
  if (store.watched.size !== 0) store.touch(key);
  return value instanceof kind ? value : undefined;
}

/** Runs `use` on the container at a key if there is one, otherwise answers `absent`; removes it if it ends empty. */
function withExisting<T extends Container>(
  { store }: Session,
  key: string,
  kind: new () => T,
  absent: string,
  use: (container: T) => string,
): string {
  const value = store.get(key);
  if (value === undefined) return absent;
  if (!(value instanceof kind)) return wrongType;
  const size = sizeOf(value);
  const reply = use(value);
  const left = sizeOf(value);
  if (left === 0) store.delete(key);
  else if (left !== size) store.touch(key);
  return reply;
}

function sizeOf(value: Container): number {
  return value instanceof Deque ? value.length : value.size;
}

function push(front: boolean) {
  return (args: string[], { store }: Session): string => {
    const list = open(store, args[1]!, Deque);
    if (list === undefined) return wrongType;
    for (let index = 2; index < args.length; index++) {
      if (front) list.pushFront(args[index]!);
      else list.pushBack(args[index]!);
    }
    return integer(list.length);
  };
}

function pop(front: boolean) {
  return (args: string[], session: Session): string => {
    const count = args.length > 2 ? parseInteger(args[2]!) : undefined;
    if (args.length > 2 && (count === undefined || count < 0)) return notInteger;
    const absent = args.length > 2 ? "*-1\r\n" : nil;
    return withExisting(session, args[1]!, Deque, absent, (list) => {
      if (count === undefined) return bulk(front ? list.popFront() : list.popBack());
      const taken: (string | undefined)[] = [];
      while (taken.length < count && list.length > 0) taken.push(front ? list.popFront() : list.popBack());
      return array(taken);
    });
  };
}

function listRange(args: string[], session: Session): string {
  const start = parseInteger(args[2]!);
  const stop = parseInteger(args[3]!);
  if (start === undefined || stop === undefined) return notInteger;
  return withExisting(session, args[1]!, Deque, emptyArray, (list) => {
    const from = Math.max(0, start < 0 ? list.length + start : start);
    const to = Math.min(list.length - 1, stop < 0 ? list.length + stop : stop);
    if (from > to) return emptyArray;
    let reply = `*${to - from + 1}\r\n`;
    for (let index = from; index <= to; index++) reply += bulk(list.at(index));
    return reply;
  });
}

const listCommands: Command[] = [
  command("LPUSH", -3, push(true)),
  command("RPUSH", -3, push(false)),
  command("LPOP", -2, pop(true)),
  command("RPOP", -2, pop(false)),
  command("LLEN", 2, (args, session) => withExisting(session, args[1]!, Deque, zero, (list) => integer(list.length))),
  command("LRANGE", 4, listRange),
  command("LINDEX", 3, (args, session) => {
    const index = parseInteger(args[2]!);
    if (index === undefined) return notInteger;
    return withExisting(session, args[1]!, Deque, nil, (list) =>
      bulk(list.at(index < 0 ? list.length + index : index)),
    );
  }),
];

type Hash = Map<string, string>;
const HashMap = Map as new () => Hash;

function hashSet(args: string[], { store }: Session): string {
  if (args.length % 2 !== 0) return `-ERR wrong number of arguments for '${args[0]!.toLowerCase()}' command\r\n`;
  const hash = open(store, args[1]!, HashMap);
  if (hash === undefined) return wrongType;
  const before = hash.size;
  for (let index = 2; index < args.length; index += 2) hash.set(args[index]!, args[index + 1]!);
  return integer(hash.size - before);
}

function hashIncrement(args: string[], { store }: Session): string {
  const by = parseInteger(args[3]!);
  if (by === undefined) return notInteger;
  const hash = open(store, args[1]!, HashMap);
  if (hash === undefined) return wrongType;
  const current = parseInteger(hash.get(args[2]!) ?? "0");
  if (current === undefined) return hashNotInteger;
  if (!Number.isSafeInteger(current + by)) return "-ERR increment or decrement would overflow\r\n";
  hash.set(args[2]!, String(current + by));
  return integer(current + by);
}

function readHash(absent: string, use: (hash: Hash, args: string[]) => string) {
  return (args: string[], session: Session): string =>
    withExisting(session, args[1]!, HashMap, absent, (hash) => use(hash, args));
}

const hashCommands: Command[] = [
  command("HSET", -4, hashSet),
  command("HMSET", -4, (args, session) => {
    const reply = hashSet(args, session);
    return reply.startsWith(":") ? "+OK\r\n" : reply;
  }),
  command("HINCRBY", 4, hashIncrement),
  command(
    "HGET",
    3,
    readHash(nil, (hash, args) => bulk(hash.get(args[2]!))),
  ),
  command("HMGET", -3, (args, session) => {
    const fields = args.slice(2);
    return readHash(array(fields.map(() => undefined)), (hash) => array(fields.map((field) => hash.get(field))))(
      args,
      session,
    );
  }),
  command(
    "HDEL",
    -3,
    readHash(zero, (hash, args) => integer(args.slice(2).filter((field) => hash.delete(field)).length)),
  ),
  command(
    "HGETALL",
    2,
    readHash(emptyArray, (hash) => array([...hash].flat())),
  ),
  command(
    "HKEYS",
    2,
    readHash(emptyArray, (hash) => array(hash.keys())),
  ),
  command(
    "HVALS",
    2,
    readHash(emptyArray, (hash) => array(hash.values())),
  ),
  command(
    "HLEN",
    2,
    readHash(zero, (hash) => integer(hash.size)),
  ),
  command(
    "HEXISTS",
    3,
    readHash(zero, (hash, args) => (hash.has(args[2]!) ? one : zero)),
  ),
];

type Members = Set<string>;
const MemberSet = Set as new () => Members;

function readSet(absent: string, use: (set: Members, args: string[]) => string) {
  return (args: string[], session: Session): string =>
    withExisting(session, args[1]!, MemberSet, absent, (set) => use(set, args));
}

const setCommands: Command[] = [
  command("SADD", -3, (args, { store }) => {
    const set = open(store, args[1]!, MemberSet);
    if (set === undefined) return wrongType;
    const before = set.size;
    for (let index = 2; index < args.length; index++) set.add(args[index]!);
    return integer(set.size - before);
  }),
  command(
    "SREM",
    -3,
    readSet(zero, (set, args) => integer(args.slice(2).filter((member) => set.delete(member)).length)),
  ),
  command("SPOP", -2, (args, session) => {
    const count = args.length > 2 ? parseInteger(args[2]!) : 1;
    if (count === undefined || count < 0) return notInteger;
    return readSet(args.length > 2 ? emptyArray : nil, (set) => {
      const taken: string[] = [];
      for (const member of set) {
        if (taken.length >= count) break;
        taken.push(member);
      }
      for (const member of taken) set.delete(member);
      return args.length > 2 ? array(taken) : bulk(taken[0]);
    })(args, session);
  }),
  command(
    "SISMEMBER",
    3,
    readSet(zero, (set, args) => (set.has(args[2]!) ? one : zero)),
  ),
  command(
    "SMEMBERS",
    2,
    readSet(emptyArray, (set) => array(set)),
  ),
  command(
    "SCARD",
    2,
    readSet(zero, (set) => integer(set.size)),
  ),
];

function sortedAdd(args: string[], { store }: Session): string {
  let index = 2;
  let onlyIf = "";
  let countsChanges = false;
  for (; index < args.length; index++) {
    const option = args[index]!;
    if (option.length !== 2) break;
    const upper = option.toUpperCase();
    if (upper === "NX" || upper === "XX") onlyIf = upper;
    else if (upper === "CH") countsChanges = true;
    else break;
  }
  if (index >= args.length || (args.length - index) % 2 !== 0) return syntaxError;
  const scores: number[] = [];
  for (let at = index; at < args.length; at += 2) {
    const score = parseInteger(args[at]!) ?? parseFloatExact(args[at]!);
    if (score === undefined) return notFloat;
    scores.push(score);
  }
  const set = open(store, args[1]!, SortedSet);
  if (set === undefined) return wrongType;
  let count = 0;
  for (let at = index; at < args.length; at += 2) {
    const member = args[at + 1]!;
    const score = scores[(at - index) >> 1]!;
    if (onlyIf !== "" || countsChanges) {
      const old = set.scores.get(member);
      if ((onlyIf === "NX" && old !== undefined) || (onlyIf === "XX" && old === undefined)) continue;
      if (countsChanges && old !== undefined && old !== score) count++;
    }
    if (set.set(member, score)) count++;
  }
  if (set.size === 0) store.delete(args[1]!);
  return integer(count);
}

function ranked(items: Iterable<Ranked>, withScores: boolean): string {
  const parts: string[] = [];
  for (const { member, score } of items) {
    parts.push(member);
    if (withScores) parts.push(formatFloat(score));
  }
  return array(parts);
}

function sortedRange(args: string[], session: Session): string {
  const start = parseInteger(args[2]!);
  const stop = parseInteger(args[3]!);
  if (start === undefined || stop === undefined) return notInteger;
  const withScores = args[4]?.toUpperCase() === "WITHSCORES";
  if (args.length > (withScores ? 5 : 4)) return syntaxError;
  return withExisting(session, args[1]!, SortedSet, emptyArray, (set) => {
    const from = Math.max(0, start < 0 ? set.size + start : start);
    const to = Math.min(set.size - 1, stop < 0 ? set.size + stop : stop);
    return from > to ? emptyArray : ranked(set.range(from, to), withScores);
  });
}

function sortedRangeByScore(args: string[], session: Session): string {
  const [min, max] = [args[2]!, args[3]!].map((text) => {
    const exclusive = text.startsWith("(");
    return { exclusive, score: parseFloatExact(exclusive ? text.slice(1) : text) };
  });
  const from = min?.score;
  const to = max?.score;
  if (from === undefined || to === undefined) return "-ERR min or max is not a float\r\n";
  const withScores = args[4]?.toUpperCase() === "WITHSCORES";
  if (args.length > (withScores ? 5 : 4)) return syntaxError;
  return withExisting(session, args[1]!, SortedSet, emptyArray, (set) => {
    const found: Ranked[] = [];
    for (const item of set.from(from)) {
      if (item.score > to || (max?.exclusive && item.score === to)) break;
      if (!(min?.exclusive && item.score === from)) found.push(item);
    }
    return ranked(found, withScores);
  });
}

function sortedPop(lowest: boolean) {
  return (args: string[], session: Session): string => {
    const count = args.length > 2 ? parseInteger(args[2]!) : 1;
    if (count === undefined || count < 0) return notInteger;
    return withExisting(session, args[1]!, SortedSet, emptyArray, (set) => {
      const taken = Math.min(count, set.size);
      if (taken === 0) return emptyArray;
      const items = lowest ? [...set.range(0, taken - 1)] : [...set.range(set.size - taken, set.size - 1)].reverse();
      for (const { member } of items) set.delete(member);
      return ranked(items, true);
    });
  };
}

function readSorted(absent: string, use: (set: SortedSet, args: string[]) => string) {
  return (args: string[], session: Session): string =>
    withExisting(session, args[1]!, SortedSet, absent, (set) => use(set, args));
}

const sortedSetCommands: Command[] = [
  command("ZADD", -4, sortedAdd),
  command("ZINCRBY", 4, (args, { store }) => {
    const by = parseFloatExact(args[2]!);
    if (by === undefined) return notFloat;
    const set = open(store, args[1]!, SortedSet);
    if (set === undefined) return wrongType;
    const score = (set.scores.get(args[3]!) ?? 0) + by;
    if (Number.isNaN(score)) return "-ERR resulting score is not a number (NaN)\r\n";
    set.set(args[3]!, score);
    return bulk(formatFloat(score));
  }),
  command(
    "ZREM",
    -3,
    readSorted(zero, (set, args) => integer(args.slice(2).filter((member) => set.delete(member)).length)),
  ),
  command(
    "ZSCORE",
    3,
    readSorted(nil, (set, args) => {
      const score = set.scores.get(args[2]!);
      return score === undefined ? nil : bulk(formatFloat(score));
    }),
  ),
  command(
    "ZCARD",
    2,
    readSorted(zero, (set) => integer(set.size)),
  ),
  command(
    "ZRANK",
    3,
    readSorted(nil, (set, args) => {
      const rank = set.rank(args[2]!);
      return rank === undefined ? nil : integer(rank);
    }),
  ),
  command("ZRANGE", -4, sortedRange),
  command("ZRANGEBYSCORE", -4, sortedRangeByScore),
  command("ZPOPMIN", -2, sortedPop(true)),
  command("ZPOPMAX", -2, sortedPop(false)),
];

export const collectionCommands: Command[] = [...listCommands, ...hashCommands, ...setCommands, ...sortedSetCommands];
