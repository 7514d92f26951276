/** What operators and tools ask: CONFIG, INFO, SLOWLOG, LATENCY, COMMAND, MEMORY, OBJECT, MONITOR, CLIENT. */
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { bootRedis, eventually, sharedRedis } from "./redis-machine.ts";
import { type Reply, ReplyError, RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const connection = await RespConnection.open(machine.port);
afterAll(() => connection.close());
beforeEach(() => connection.call("FLUSHALL"));

const call = (...args: (string | number | Buffer)[]): Promise<Reply> => connection.call(...args);
/** The error's text, or a failed test. */
async function refusal(...args: (string | number)[]): Promise<string> {
  const reply = await call(...args);
  expect(reply, args.join(" ")).toBeInstanceOf(ReplyError);
  return (reply as ReplyError).message;
}
/** `field:value` lines of INFO. */
async function info(...sections: string[]): Promise<Map<string, string>> {
  const text = String(await call("INFO", ...sections));
  return new Map(
    text
      .split("\r\n")
      .filter((line) => line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const),
  );
}

describe("CONFIG", () => {
  test("GET takes patterns, several at once; SET takes several and all or none of them", async () => {
    expect(await call("CONFIG", "GET", "maxmemory-sample?")).toEqual(["maxmemory-samples", "5"]);
    expect(await call("CONFIG", "GET", "appendonly", "no-such-thing")).toEqual(["appendonly", "no"]);
    expect((await call("CONFIG", "GET", "*")) as string[]).toHaveProperty(
      "length",
      expect.toSatisfy((n) => n > 200),
    );
    expect(await call("CONFIG", "SET", "maxmemory-samples", "7", "hz", "20")).toBe("OK");
    expect(await refusal("CONFIG", "SET", "maxmemory-samples", "9", "hz", "nonsense")).toMatch(
      /^ERR CONFIG SET failed \(possibly related to argument 'hz'\)/,
    );
    expect(await call("CONFIG", "GET", "maxmemory-samples")).toEqual(["maxmemory-samples", "7"]);
    await call("CONFIG", "SET", "maxmemory-samples", "5", "hz", "10");
  });

  test("memory units, percentages of nothing, unknown and immutable names", async () => {
    expect(await call("CONFIG", "SET", "maxmemory", "100mb")).toBe("OK");
    expect(await call("CONFIG", "GET", "maxmemory")).toEqual(["maxmemory", "104857600"]);
    await call("CONFIG", "SET", "maxmemory", "0");
    expect(await refusal("CONFIG", "SET", "no-such-thing", "1")).toMatch(
      /Unknown option or number of arguments for CONFIG SET - 'no-such-thing'/,
    );
    expect(await refusal("CONFIG", "SET", "databases", "3")).toMatch(/can't set immutable config/);
    expect(await refusal("CONFIG", "SET", "maxmemory", "1", "maxmemory", "2")).toMatch(/duplicate parameter/);
    expect(await refusal("CONFIG", "SET", "maxmemory")).toMatch(/wrong number of arguments for 'config\|set'/);
    expect(await refusal("CONFIG", "NONSENSE")).toMatch(/unknown subcommand 'NONSENSE'\. Try CONFIG HELP\./i);
  });

  test("RESETSTAT forgets the counts", async () => {
    await call("GET", "none");
    expect(Number((await info("stats")).get("keyspace_misses"))).toBeGreaterThan(0);
    expect(await call("CONFIG", "RESETSTAT")).toBe("OK");
    expect((await info("stats")).get("keyspace_misses")).toBe("0");
    expect((await info("commandstats")).has("cmdstat_get")).toBe(false);
  });
});

describe("INFO", () => {
  test("sections: one, several, all, everything, none of that name", async () => {
    const names = async (...sections: string[]): Promise<string[]> =>
      [...String(await call("INFO", ...sections)).matchAll(/^# (.*)\r$/gm)].map((found) => found[1] ?? "");
    expect(await names("server")).toEqual(["Server"]);
    expect(await names("server", "clients")).toEqual(["Server", "Clients"]);
    await call("SET", "k", "v");
    const usual = ["Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU"];
    expect(await names()).toEqual(expect.arrayContaining([...usual, "Errorstats", "Keyspace"]));
    expect(await names()).not.toContain("Commandstats");
    expect(await names("all")).toEqual(expect.arrayContaining([...usual, "Commandstats", "Keyspace"]));
    expect(await names("everything")).toContain("Commandstats");
    expect(await call("INFO", "nonsense")).toBe("");
  });

  test("keyspace, clients and memory say what is there", async () => {
    await call("SET", "a", "1");
    await call("SET", "b", "1", "EX", 100);
    expect((await info("keyspace")).get("db0")).toMatch(/^keys=2,expires=1,avg_ttl=\d+$/);
    expect(Number((await info("clients")).get("connected_clients"))).toBe(1);
    const before = Number((await info("memory")).get("used_memory"));
    await call("SET", "big", "x".repeat(1_000_000));
    const grown = Number((await info("memory")).get("used_memory")) - before;
    expect(grown).toBeGreaterThan(990_000);
    expect(grown).toBeLessThan(1_200_000);
    expect((await info("server")).get("redis_version")).toMatch(/^7\.0\./);
  });

  test("commandstats are exact for the first calls of a command, failures are told apart", async () => {
    await call("CONFIG", "RESETSTAT");
    for (let index = 0; index < 3; index++) await call("GET", "none");
    await call("LPUSH", "l", "x");
    await refusal("GET", "l");
    await refusal("GET");
    const stats = await info("commandstats");
    expect(stats.get("cmdstat_get")).toMatch(
      /^calls=4,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=1$/,
    );
    expect((await info("errorstats")).get("errorstat_WRONGTYPE")).toBe("count=1");
    for (let index = 0; index < 12; index++) await call("SET", "k", "x".repeat(200_000));
    // Each is timed: 12 copies of 200 kB take at least a microsecond together.
    expect(Number(/usec=(\d+)/.exec((await info("commandstats")).get("cmdstat_set") ?? "")?.[1])).toBeGreaterThan(0);
  });
});

test("SLOWLOG keeps what took long, newest first, and forgets the oldest", async () => {
  await call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3");
  await call("SLOWLOG", "RESET");
  await call("CLIENT", "SETNAME", "slow");
  for (const key of ["a", "b", "c", "d"]) await call("SET", key, "x".repeat(500));
  await call("CONFIG", "SET", "slowlog-log-slower-than", "-1");
  expect(await call("SLOWLOG", "LEN")).toBe(3);
  const entries = (await call("SLOWLOG", "GET", "2")) as Reply[][];
  expect(entries).toHaveLength(2);
  const [id, time, micros, args, , name] = entries[0] as [number, number, number, string[], string, string];
  expect(args.slice(0, 2)).toEqual(["SET", "d"]);
  expect(args[2]).toMatch(/^x{128}\.\.\. \(372 more bytes\)$/);
  expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
  expect(micros).toBeGreaterThanOrEqual(0);
  expect(name).toBe("slow");
  expect(entries[1]?.[0]).toBe(id - 1);
  expect(((await call("SLOWLOG", "GET", "-1")) as Reply[]).length).toBe(3);
  expect(await refusal("SLOWLOG", "GET", "-2")).toMatch(/count should be greater than or equal to -1/);
  expect(await call("SLOWLOG", "RESET")).toBe("OK");
  expect(await call("SLOWLOG", "LEN")).toBe(0);
  await call("CONFIG", "SET", "slowlog-log-slower-than", "10000", "slowlog-max-len", "128");
  await call("CLIENT", "SETNAME", "");
});

test("LATENCY: events above the threshold, their history, histograms", async () => {
  await call("LATENCY", "RESET");
  expect(await call("LATENCY", "LATEST")).toEqual([]);
  await call("CONFIG", "SET", "latency-monitor-threshold", "1");
  const members = Array.from({ length: 200_000 }, (_, index) => `m${(index * 7919) % 200_000}`);
  for (let at = 0; at < members.length; at += 20_000) await call("RPUSH", "l", ...members.slice(at, at + 20_000));
  await call("SORT", "l", "ALPHA", "LIMIT", 0, 1);
  await call("CONFIG", "SET", "latency-monitor-threshold", "0");
  const [latest] = ((await call("LATENCY", "LATEST")) as Reply[][]).filter(([event]) => event === "command");
  expect(latest?.[3]).toBeGreaterThanOrEqual(1);
  expect(((await call("LATENCY", "HISTORY", "command")) as Reply[]).length).toBeGreaterThan(0);
  expect(await call("LATENCY", "RESET", "command")).toBe(1);
  expect(await call("LATENCY", "HISTORY", "command")).toEqual([]);
  const histogram = (await call("LATENCY", "HISTOGRAM", "sort")) as Reply[];
  expect(histogram[0]).toBe("sort");
  expect((histogram[1] as Reply[]).slice(0, 3)).toEqual(["calls", 1, "histogram_usec"]);
  expect(await call("LATENCY", "HISTOGRAM", "no-such-command")).toEqual([]);
});

describe("COMMAND", () => {
  const keys: [string[], string[]][] = [
    [["SET", "a", "1"], ["a"]],
    [
      ["MSET", "a", "1", "b", "2"],
      ["a", "b"],
    ],
    [
      ["DEL", "a", "b", "c"],
      ["a", "b", "c"],
    ],
    [
      ["BLPOP", "a", "b", "0"],
      ["a", "b"],
    ],
    [
      ["LMPOP", "2", "a", "b", "LEFT"],
      ["a", "b"],
    ],
    [
      ["ZUNIONSTORE", "to", "2", "a", "b", "WEIGHTS", "1", "2"],
      ["to", "a", "b"],
    ],
    [
      ["SORT", "a", "BY", "w_*", "STORE", "to"],
      ["a", "to"],
    ],
    [["OBJECT", "ENCODING", "a"], ["a"]],
    [["MEMORY", "USAGE", "a"], ["a"]],
    [
      ["BITOP", "AND", "to", "a", "b"],
      ["to", "a", "b"],
    ],
  ];
  test.each(keys)("GETKEYS of %j", async (request, expected) => {
    expect(await call("COMMAND", "GETKEYS", ...request)).toEqual(expected);
  });

  test("GETKEYS refuses what has no keys, is unknown or too short", async () => {
    expect(await refusal("COMMAND", "GETKEYS", "PING")).toMatch(/The command has no key arguments/);
    expect(await refusal("COMMAND", "GETKEYS", "NOSUCH", "a")).toMatch(/Invalid command specified/);
    expect(await refusal("COMMAND", "GETKEYS", "SET")).toMatch(/Invalid number of arguments specified for command/);
    expect(await call("COMMAND", "GETKEYSANDFLAGS", "SET", "a", "1")).toEqual([["a", ["RW", "UPDATE"]]]);
  });

  test("COUNT, INFO, DOCS and LIST agree", async () => {
    const count = Number(await call("COMMAND", "COUNT"));
    expect(count).toBeGreaterThan(180);
    expect((await call("COMMAND")) as Reply[]).toHaveLength(count);
    expect((await call("COMMAND", "LIST")) as Reply[]).toHaveLength(count);
    const [get, none] = (await call("COMMAND", "INFO", "get", "nosuch")) as Reply[][];
    expect(get?.slice(0, 2)).toEqual(["get", 2]);
    expect(get?.slice(3, 6)).toEqual([1, 1, 1]);
    expect(none).toBeNull();
    const docs = (await call("COMMAND", "DOCS", "get")) as Reply[];
    expect(docs[0]).toBe("get");
    expect((docs[1] as Reply[]).slice(0, 2)).toEqual(["summary", "Get the value of a key"]);
    expect(await call("COMMAND", "LIST", "FILTERBY", "PATTERN", "zrangeb*")).toEqual(
      expect.arrayContaining(["zrangebyscore", "zrangebylex"]),
    );
  });
});

test("MEMORY USAGE follows the size of a value; MEMORY DOCTOR, STATS and MALLOC-STATS answer", async () => {
  await call("SET", "small", "x");
  await call("SET", "big", "x".repeat(100_000));
  expect(Number(await call("MEMORY", "USAGE", "small"))).toBeLessThan(200);
  const big = Number(await call("MEMORY", "USAGE", "big"));
  expect(big).toBeGreaterThan(100_000);
  expect(big).toBeLessThan(140_000);
  await call("RPUSH", "list", ...Array.from({ length: 1000 }, () => "y".repeat(100)));
  expect(Number(await call("MEMORY", "USAGE", "list", "SAMPLES", 0))).toBeGreaterThan(100_000);
  expect(await call("MEMORY", "USAGE", "none")).toBeNull();
  expect(await refusal("MEMORY", "USAGE", "small", "SAMPLES", "-1")).toMatch(/ERR/);
  expect(String(await call("MEMORY", "DOCTOR")).length).toBeGreaterThan(10);
  const stats = (await call("MEMORY", "STATS")) as Reply[];
  expect(stats).toContain("keys.count");
});

test("OBJECT: encodings change as values grow; IDLETIME, FREQ and REFCOUNT", async () => {
  const encoding = (key: string): Promise<Reply> => call("OBJECT", "ENCODING", key);
  await call("SET", "int", "12345");
  await call("SET", "embstr", "hello");
  await call("SET", "raw", "x".repeat(45));
  for (const key of ["int", "embstr", "raw"]) expect(await encoding(key)).toBe(key);
  await call("HSET", "hash", "f", "v");
  expect(await encoding("hash")).toBe("listpack");
  await call("HSET", "hash", "f", "v".repeat(65));
  expect(await encoding("hash")).toBe("hashtable");
  await call("SADD", "set", "1", "2");
  expect(await encoding("set")).toBe("intset");
  await call("SADD", "set", "x");
  expect(await encoding("set")).toBe("hashtable");
  await call("ZADD", "zset", "1", "a");
  expect(await encoding("zset")).toBe("listpack");
  await call("ZADD", "zset", ...Array.from({ length: 200 }, (_, index) => [index, `m${index}`]).flat());
  expect(await encoding("zset")).toBe("skiplist");
  await call("RPUSH", "list", "a");
  expect(await encoding("list")).toBe("quicklist");
  expect(await call("OBJECT", "IDLETIME", "raw")).toBeLessThanOrEqual(10);
  expect(await call("OBJECT", "REFCOUNT", "raw")).toBe(1);
  expect(await call("OBJECT", "ENCODING", "none")).toBeNull();
  expect(await refusal("OBJECT", "FREQ", "raw")).toMatch(/An LFU maxmemory policy is not selected/);
  await call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu");
  expect(Number(await call("OBJECT", "FREQ", "raw"))).toBeGreaterThanOrEqual(0);
  expect(await refusal("OBJECT", "IDLETIME", "raw")).toMatch(/An LFU maxmemory policy is selected/);
  await call("CONFIG", "SET", "maxmemory-policy", "noeviction");
});

test("MONITOR shows what others do, quoted, without passwords", async () => {
  const monitor = await RespConnection.open(machine.port);
  expect(await monitor.call("MONITOR")).toBe("OK");
  await call("SET", "k", Buffer.from('a"\\\n\x01\xff', "latin1"));
  await call("AUTH", "secret");
  await call("MULTI");
  await call("GET", "k");
  await call("EXEC");
  expect(await monitor.read()).toMatch(/^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a\\"\\\\\\n\\x01\\xff"$/);
  const rest = [await monitor.read(), await monitor.read(), await monitor.read()].map(String);
  expect(rest.join("\n")).not.toMatch(/secret/);
  expect(rest.map((line) => /"([A-Za-z]+)"/.exec(line)?.[1]?.toUpperCase())).toEqual(["MULTI", "EXEC", "GET"]);
  monitor.close();
});

describe("CLIENT", () => {
  test("ID, GETNAME, SETNAME, INFO and LIST tell who is there", async () => {
    const id = Number(await call("CLIENT", "ID"));
    expect(await call("CLIENT", "GETNAME")).toBeNull();
    expect(await call("CLIENT", "SETNAME", "alice")).toBe("OK");
    expect(await refusal("CLIENT", "SETNAME", "with space")).toMatch(/Client names cannot contain spaces/);
    expect(String(await call("CLIENT", "INFO"))).toMatch(
      new RegExp(`^id=${id} addr=127\\.0\\.0\\.1:\\d+ laddr=.* name=alice .*cmd=client\\|info .*resp=2\n$`),
    );
    expect(
      String(await call("CLIENT", "LIST", "ID", id, 999_999))
        .trim()
        .split("\n"),
    ).toHaveLength(1);
    expect(await call("CLIENT", "LIST", "TYPE", "pubsub")).toBe("");
    expect(await refusal("CLIENT", "LIST", "TYPE", "nonsense")).toMatch(/Unknown client type 'nonsense'/);
    await call("CLIENT", "SETNAME", "");
  });

  test("PAUSE WRITE holds writers and not readers; UNPAUSE lets them go", async () => {
    const writer = await RespConnection.open(machine.port);
    expect(await call("CLIENT", "PAUSE", 60_000, "WRITE")).toBe("OK");
    writer.send("SET", "k", "v");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(writer.pending).toHaveLength(0);
    expect(await call("GET", "k")).toBeNull();
    expect(await call("CLIENT", "UNPAUSE")).toBe("OK");
    expect(await writer.read()).toBe("OK");
    expect(await call("GET", "k")).toBe("v");
    writer.close();
  });

  test("REPLY OFF and SKIP silence, ON answers again", async () => {
    const quiet = await RespConnection.open(machine.port);
    quiet.send("CLIENT", "REPLY", "SKIP");
    quiet.send("SET", "a", "1");
    quiet.send("GET", "a");
    expect(await quiet.read()).toBe("1");
    quiet.send("CLIENT", "REPLY", "OFF");
    quiet.send("SET", "a", "2");
    quiet.send("CLIENT", "REPLY", "ON");
    expect(await quiet.read()).toBe("OK");
    expect(await quiet.call("GET", "a")).toBe("2");
    quiet.close();
  });

  test("KILL by filters spares the caller unless told otherwise; NO-EVICT and unknown ones", async () => {
    const victim = await RespConnection.open(machine.port);
    const id = Number(await victim.call("CLIENT", "ID"));
    expect(await call("CLIENT", "KILL", "ID", id, "TYPE", "pubsub")).toBe(0);
    expect(await call("CLIENT", "KILL", "ID", id)).toBe(1);
    await victim.ended();
    expect(await refusal("CLIENT", "KILL", "1.2.3.4:5")).toMatch(/No such client/);
    expect(await call("CLIENT", "NO-EVICT", "on")).toBe("OK");
    expect(await call("CLIENT", "NO-EVICT", "off")).toBe("OK");
    expect(await refusal("CLIENT", "NONSENSE")).toMatch(/unknown subcommand/);
    expect(await refusal("CLIENT", "TRACKING", "ON")).toMatch(/redis-server/);
  });
});

test("ACL WHOAMI and AUTH without a password", async () => {
  expect(await call("ACL", "WHOAMI")).toBe("default");
  expect(await refusal("AUTH", "x")).toMatch(/ERR AUTH <password> called without any password configured/);
});

test("a machine's command line sets what CONFIG GET shows", async () => {
  const other = await bootRedis(["--maxmemory", "10mb", "--maxmemory-policy", "allkeys-lru", "--databases", "2"]);
  try {
    const client = await RespConnection.open(other.port);
    expect(await client.call("CONFIG", "GET", "maxmemory")).toEqual(["maxmemory", "10485760"]);
    expect(await client.call("CONFIG", "GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "allkeys-lru"]);
    expect(String(await client.call("SELECT", 2))).toMatch(/DB index is out of range/);
    await eventually("PONG", async () => (await client.call("PING")) === "PONG");
    client.close();
  } finally {
    await other.stop();
  }
});
