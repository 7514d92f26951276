/**
 * The rows of the command table for lists, hashes, sets, sorted sets and SORT: names, arities, flags and key positions as
 * Redis 7.0 reports them in COMMAND INFO and COMMAND DOCS.
 */
import {
  ACL_DANGEROUS,
  ACL_HASH,
  ACL_LIST,
  ACL_SET,
  ACL_SORTEDSET,
  CMD_BLOCKING,
  CMD_DENYOOM,
  CMD_FAST,
  CMD_MOVABLE_KEYS,
  CMD_NOSCRIPT,
  CMD_READONLY,
  CMD_WRITE,
  command,
  describe,
  KEYS_NUMKEYS,
  KEYS_NUMKEYS_STORE,
  KEYS_SORT,
  keysAt,
} from "./command";
import {
  hdel,
  hexists,
  hget,
  hgetall,
  hincrby,
  hincrbyfloat,
  hkeys,
  hlen,
  hmget,
  hmset,
  hscan,
  hset,
  hsetnx,
  hstrlen,
  hvals,
} from "./hash-commands";
import {
  lindex,
  linsert,
  llen,
  lpop,
  lpos,
  lpush,
  lpushx,
  lrange,
  lrem,
  lset,
  ltrim,
  rpop,
  rpush,
  rpushx,
} from "./list-commands";
import { blmove, blmpop, blpop, brpop, brpoplpush, lmove, lmpop, rpoplpush } from "./list-pop-commands";
import { hrandfield, spop, srandmember, zrandmember } from "./random-commands";
import { sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore } from "./set-algebra-commands";
import { sadd, scard, sismember, smembers, smismember, smove, srem, sscan } from "./set-commands";
import { sortCommand, sortReadOnly } from "./sort-commands";
import { zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore } from "./zset-algebra-commands";
import {
  zadd,
  zcard,
  zcount,
  zincrby,
  zlexcount,
  zmscore,
  zrank,
  zrem,
  zremrangebylex,
  zremrangebyrank,
  zremrangebyscore,
  zrevrank,
  zscan,
  zscore,
} from "./zset-commands";
import { bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin } from "./zset-pop-commands";
import {
  zrange,
  zrangebylex,
  zrangebyscore,
  zrangestore,
  zrevrange,
  zrevrangebylex,
  zrevrangebyscore,
} from "./zset-range-commands";

function registerListCommands(): void {
  command("lpush", lpush, -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Puts elements in front of a list, creating it if needed.", "O(1)");
  command("rpush", rpush, -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Puts elements at the end of a list, creating it if needed.", "O(1)");
  command("lpushx", lpushx, -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "2.2.0", "Puts elements in front of a list that exists.", "O(1)");
  command("rpushx", rpushx, -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "2.2.0", "Puts elements at the end of a list that exists.", "O(1)");
  command("lpop", lpop, -2, CMD_WRITE | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Removes and returns the first elements of a list.", "O(N)");
  command("rpop", rpop, -2, CMD_WRITE | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Removes and returns the last elements of a list.", "O(N)");
  command("llen", llen, 2, CMD_READONLY | CMD_FAST, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Returns a list's length.", "O(1)");
  command("lindex", lindex, 3, CMD_READONLY, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Returns the element at an index of a list.", "O(N)");
  command("lset", lset, 4, CMD_WRITE | CMD_DENYOOM, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Replaces the element at an index of a list.", "O(N)");
  command("linsert", linsert, 5, CMD_WRITE | CMD_DENYOOM, ACL_LIST, 1, 1, 1);
  describe("list", "2.2.0", "Inserts an element in front of or behind another one.", "O(N)");
  command("lrange", lrange, 4, CMD_READONLY, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Returns a range of a list.", "O(S+N)");
  command("ltrim", ltrim, 4, CMD_WRITE, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Keeps a range of a list and removes the rest.", "O(N)");
  command("lrem", lrem, 4, CMD_WRITE, ACL_LIST, 1, 1, 1);
  describe("list", "1.0.0", "Removes elements equal to a value from a list.", "O(N+M)");
  command("lpos", lpos, -3, CMD_READONLY, ACL_LIST, 1, 1, 1);
  describe("list", "6.0.6", "Returns the index of elements equal to a value.", "O(N)");
  command("lmove", lmove, 5, CMD_WRITE | CMD_DENYOOM, ACL_LIST, 1, 2, 1);
  describe("list", "6.2.0", "Moves an element from one end of a list to one end of another.", "O(1)");
  command("rpoplpush", rpoplpush, 3, CMD_WRITE | CMD_DENYOOM, ACL_LIST, 1, 2, 1);
  describe("list", "1.2.0", "Moves the last element of a list to the front of another.", "O(1)");
  command("lmpop", lmpop, -4, CMD_WRITE | CMD_MOVABLE_KEYS, ACL_LIST, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("list", "7.0.0", "Pops elements from the first list that is not empty.", "O(N+M)");
  command("blpop", blpop, -3, CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING, ACL_LIST, 1, -2, 1);
  describe("list", "2.0.0", "Pops the first element of a list, or waits for one.", "O(N)");
  command("brpop", brpop, -3, CMD_WRITE | CMD_NOSCRIPT | CMD_BLOCKING, ACL_LIST, 1, -2, 1);
  describe("list", "2.0.0", "Pops the last element of a list, or waits for one.", "O(N)");
  command("blmove", blmove, 6, CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_BLOCKING, ACL_LIST, 1, 2, 1);
  describe("list", "6.2.0", "Moves an element from list to list, or waits for one.", "O(1)");
  command("brpoplpush", brpoplpush, 4, CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT | CMD_BLOCKING, ACL_LIST, 1, 2, 1);
  describe("list", "2.2.0", "Moves the last element of a list to the front of another, or waits for one.", "O(1)");
  command("blmpop", blmpop, -5, CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS, ACL_LIST, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 2);
  describe("list", "7.0.0", "Pops elements from the first list that is not empty, or waits for some.", "O(N+M)");
}

function registerHashCommands(): void {
  command("hset", hset, -4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Sets fields of a hash.", "O(1)");
  command("hmset", hmset, -4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Sets fields of a hash; HSET does the same.", "O(N)");
  command("hsetnx", hsetnx, 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Sets a field of a hash unless it exists.", "O(1)");
  command("hget", hget, 3, CMD_READONLY | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Returns the value of a field.", "O(1)");
  command("hmget", hmget, -3, CMD_READONLY | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Returns the values of several fields.", "O(N)");
  command("hdel", hdel, -3, CMD_WRITE | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Removes fields from a hash.", "O(N)");
  command("hlen", hlen, 2, CMD_READONLY | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Returns the number of fields of a hash.", "O(1)");
  command("hstrlen", hstrlen, 3, CMD_READONLY | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "3.2.0", "Returns the length of a field's value.", "O(1)");
  command("hexists", hexists, 3, CMD_READONLY | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Tells whether a hash has a field.", "O(1)");
  command("hkeys", hkeys, 2, CMD_READONLY, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Returns all fields of a hash.", "O(N)");
  command("hvals", hvals, 2, CMD_READONLY, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Returns all values of a hash.", "O(N)");
  command("hgetall", hgetall, 2, CMD_READONLY, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Returns all fields and values of a hash.", "O(N)");
  command("hincrby", hincrby, 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.0.0", "Adds an integer to the value of a field.", "O(1)");
  command("hincrbyfloat", hincrbyfloat, 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_HASH, 1, 1, 1);
  describe("hash", "2.6.0", "Adds a floating point number to the value of a field.", "O(1)");
  command("hscan", hscan, -3, CMD_READONLY, ACL_HASH, 1, 1, 1);
  describe("hash", "2.8.0", "Iterates over the fields and values of a hash.", "O(1)");
  command("hrandfield", hrandfield, -2, CMD_READONLY, ACL_HASH, 1, 1, 1);
  describe("hash", "6.2.0", "Returns fields of a hash drawn at random.", "O(N)");
}

function registerSetCommands(): void {
  command("sadd", sadd, -3, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Adds members to a set.", "O(1)");
  command("srem", srem, -3, CMD_WRITE | CMD_FAST, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Removes members from a set.", "O(N)");
  command("smembers", smembers, 2, CMD_READONLY, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Returns all members of a set.", "O(N)");
  command("sismember", sismember, 3, CMD_READONLY | CMD_FAST, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Tells whether a set has a member.", "O(1)");
  command("smismember", smismember, -3, CMD_READONLY | CMD_FAST, ACL_SET, 1, 1, 1);
  describe("set", "6.2.0", "Tells which of several members a set has.", "O(N)");
  command("scard", scard, 2, CMD_READONLY | CMD_FAST, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Returns the number of members of a set.", "O(1)");
  command("spop", spop, -2, CMD_WRITE | CMD_FAST, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Removes and returns members of a set drawn at random.", "O(1)");
  command("srandmember", srandmember, -2, CMD_READONLY, ACL_SET, 1, 1, 1);
  describe("set", "1.0.0", "Returns members of a set drawn at random.", "O(1)");
  command("smove", smove, 4, CMD_WRITE | CMD_FAST, ACL_SET, 1, 2, 1);
  describe("set", "1.0.0", "Moves a member from one set to another.", "O(1)");
  command("sinter", sinter, -2, CMD_READONLY, ACL_SET, 1, -1, 1);
  describe("set", "1.0.0", "Returns the intersection of sets.", "O(N*M)");
  command("sintercard", sintercard, -3, CMD_READONLY | CMD_MOVABLE_KEYS, ACL_SET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("set", "7.0.0", "Returns how many members the intersection of sets has.", "O(N*M)");
  command("sinterstore", sinterstore, -3, CMD_WRITE | CMD_DENYOOM, ACL_SET, 1, -1, 1);
  describe("set", "1.0.0", "Stores the intersection of sets.", "O(N*M)");
  command("sunion", sunion, -2, CMD_READONLY, ACL_SET, 1, -1, 1);
  describe("set", "1.0.0", "Returns the union of sets.", "O(N)");
  command("sunionstore", sunionstore, -3, CMD_WRITE | CMD_DENYOOM, ACL_SET, 1, -1, 1);
  describe("set", "1.0.0", "Stores the union of sets.", "O(N)");
  command("sdiff", sdiff, -2, CMD_READONLY, ACL_SET, 1, -1, 1);
  describe("set", "1.0.0", "Returns what a set has and the others have not.", "O(N)");
  command("sdiffstore", sdiffstore, -3, CMD_WRITE | CMD_DENYOOM, ACL_SET, 1, -1, 1);
  describe("set", "1.0.0", "Stores what a set has and the others have not.", "O(N)");
  command("sscan", sscan, -3, CMD_READONLY, ACL_SET, 1, 1, 1);
  describe("set", "2.8.0", "Iterates over the members of a set.", "O(1)");
}

function registerSortedSetCommands(): void {
  command("zadd", zadd, -4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Adds members to a sorted set or updates their scores.", "O(log(N))");
  command("zincrby", zincrby, 4, CMD_WRITE | CMD_DENYOOM | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Adds to the score of a member.", "O(log(N))");
  command("zrem", zrem, -3, CMD_WRITE | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Removes members from a sorted set.", "O(M*log(N))");
  command("zremrangebyrank", zremrangebyrank, 4, CMD_WRITE, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.0.0", "Removes the members in a range of ranks.", "O(log(N)+M)");
  command("zremrangebyscore", zremrangebyscore, 4, CMD_WRITE, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Removes the members in a range of scores.", "O(log(N)+M)");
  command("zremrangebylex", zremrangebylex, 4, CMD_WRITE, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.8.9", "Removes the members in a range of names.", "O(log(N)+M)");
  command("zunionstore", zunionstore, -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 1, 1, 1);
  keysAt(KEYS_NUMKEYS_STORE, 2);
  describe("sorted-set", "2.0.0", "Stores the union of sorted sets.", "O(N)+O(M log(M))");
  command("zinterstore", zinterstore, -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 1, 1, 1);
  keysAt(KEYS_NUMKEYS_STORE, 2);
  describe("sorted-set", "2.0.0", "Stores the intersection of sorted sets.", "O(N*K)+O(M*log(M))");
  command("zdiffstore", zdiffstore, -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 1, 1, 1);
  keysAt(KEYS_NUMKEYS_STORE, 2);
  describe("sorted-set", "6.2.0", "Stores what a sorted set has and the others have not.", "O(L + (N-K)log(N))");
  command("zunion", zunion, -3, CMD_READONLY | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("sorted-set", "6.2.0", "Returns the union of sorted sets.", "O(N)+O(M*log(M))");
  command("zinter", zinter, -3, CMD_READONLY | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("sorted-set", "6.2.0", "Returns the intersection of sorted sets.", "O(N*K)+O(M*log(M))");
  command("zdiff", zdiff, -3, CMD_READONLY | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("sorted-set", "6.2.0", "Returns what a sorted set has and the others have not.", "O(L + (N-K)log(N))");
  command("zintercard", zintercard, -3, CMD_READONLY | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("sorted-set", "7.0.0", "Returns how many members the intersection of sorted sets has.", "O(N*K)");
  command("zrange", zrange, -4, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Returns a range of a sorted set by rank, score or name.", "O(log(N)+M)");
  command("zrangestore", zrangestore, -5, CMD_WRITE | CMD_DENYOOM, ACL_SORTEDSET, 1, 2, 1);
  describe("sorted-set", "6.2.0", "Stores a range of a sorted set.", "O(log(N)+M)");
  command("zrangebyscore", zrangebyscore, -4, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.0.5", "Returns the members in a range of scores.", "O(log(N)+M)");
  command("zrevrange", zrevrange, -4, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Returns the members in a range of ranks, highest score first.", "O(log(N)+M)");
  command("zrevrangebyscore", zrevrangebyscore, -4, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.2.0", "Returns the members in a range of scores, highest first.", "O(log(N)+M)");
  command("zrangebylex", zrangebylex, -4, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.8.9", "Returns the members in a range of names.", "O(log(N)+M)");
  command("zrevrangebylex", zrevrangebylex, -4, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.8.9", "Returns the members in a range of names, last first.", "O(log(N)+M)");
  command("zcount", zcount, 4, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.0.0", "Counts the members in a range of scores.", "O(log(N))");
  command("zlexcount", zlexcount, 4, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.8.9", "Counts the members in a range of names.", "O(log(N))");
  command("zcard", zcard, 2, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Returns the number of members of a sorted set.", "O(1)");
  command("zscore", zscore, 3, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "1.2.0", "Returns the score of a member.", "O(1)");
  command("zmscore", zmscore, -3, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "6.2.0", "Returns the scores of several members.", "O(N)");
  command("zrank", zrank, 3, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.0.0", "Returns the rank of a member, counted from the lowest score.", "O(log(N))");
  command("zrevrank", zrevrank, 3, CMD_READONLY | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.0.0", "Returns the rank of a member, counted from the highest score.", "O(log(N))");
  command("zscan", zscan, -3, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "2.8.0", "Iterates over the members and scores of a sorted set.", "O(1)");
  command("zpopmin", zpopmin, -2, CMD_WRITE | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "5.0.0", "Removes and returns the members with the lowest scores.", "O(log(N)*M)");
  command("zpopmax", zpopmax, -2, CMD_WRITE | CMD_FAST, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "5.0.0", "Removes and returns the members with the highest scores.", "O(log(N)*M)");
  command("zmpop", zmpop, -4, CMD_WRITE | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 1);
  describe("sorted-set", "7.0.0", "Pops members from the first sorted set that is not empty.", "O(K) + O(M*log(N))");
  command("bzpopmin", bzpopmin, -3, CMD_WRITE | CMD_NOSCRIPT | CMD_FAST | CMD_BLOCKING, ACL_SORTEDSET, 1, -2, 1);
  describe("sorted-set", "5.0.0", "Pops the member with the lowest score, or waits for one.", "O(log(N))");
  command("bzpopmax", bzpopmax, -3, CMD_WRITE | CMD_NOSCRIPT | CMD_FAST | CMD_BLOCKING, ACL_SORTEDSET, 1, -2, 1);
  describe("sorted-set", "5.0.0", "Pops the member with the highest score, or waits for one.", "O(log(N))");
  command("bzmpop", bzmpop, -5, CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS, ACL_SORTEDSET, 0, 0, 0);
  keysAt(KEYS_NUMKEYS, 2);
  describe("sorted-set", "7.0.0", "Pops members from the first sorted set that is not empty, or waits for some.", "O(K) + O(M*log(N))");
  command("zrandmember", zrandmember, -2, CMD_READONLY, ACL_SORTEDSET, 1, 1, 1);
  describe("sorted-set", "6.2.0", "Returns members of a sorted set drawn at random.", "O(N)");
}

function registerSortCommands(): void {
  command("sort", sortCommand, -2, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS, ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_DANGEROUS, 1, 1, 1);
  keysAt(KEYS_SORT, 0);
  describe("generic", "1.0.0", "Sorts the elements of a list, set or sorted set, and may store the result.", "O(N+M*log(M))");
  command("sort_ro", sortReadOnly, -2, CMD_READONLY | CMD_MOVABLE_KEYS, ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_DANGEROUS, 1, 1, 1);
  keysAt(KEYS_SORT, 0);
  describe("generic", "7.0.0", "Sorts the elements of a list, set or sorted set without storing anything.", "O(N+M*log(M))");
}

/** Called by container.ts at boot. */
export function registerContainers(): void {
  registerListCommands();
  registerHashCommands();
  registerSetCommands();
  registerSortedSetCommands();
  registerSortCommands();
}
