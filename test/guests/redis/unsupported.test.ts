/** What this image leaves to the real Redis answers with an error that names the image which has it, in every family. */
import { expect, test } from "vitest";
import { sharedRedis } from "./redis-machine.ts";
import { ReplyError, RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const connection = await RespConnection.open(machine.port);

const families: [string, string[][]][] = [
  [
    "geo",
    [
      ["GEOADD", "k", "1", "2", "m"],
      ["GEOSEARCH", "k", "FROMLONLAT", "1", "2", "BYRADIUS", "1", "m"],
      ["GEODIST", "k", "a", "b"],
    ],
  ],
  [
    "HyperLogLog",
    [
      ["PFADD", "k", "a"],
      ["PFCOUNT", "k"],
      ["PFMERGE", "k", "l"],
    ],
  ],
  [
    "scripting",
    [
      ["EVAL", "return 1", "0"],
      ["EVALSHA", "0".repeat(40), "0"],
      ["SCRIPT", "LOAD", "return 1"],
      ["FCALL", "f", "0"],
      ["FUNCTION", "LOAD", "x"],
    ],
  ],
  [
    "modules",
    [
      ["MODULE", "LIST"],
      ["MODULE", "LOAD", "/x.so"],
    ],
  ],
  ["tracking", [["CLIENT", "TRACKING", "ON"]]],
];
const requests = families.flatMap(([family, list]) =>
  list.map((request) => [family, request.join(" "), request] as const),
);

test.each(requests)("%s: %s", async (_family, _text, request) => {
  const reply = await connection.call(...request);
  expect(reply).toBeInstanceOf(ReplyError);
  expect(String(reply)).toMatch(/ERR .*redis-server/);
  // It names the command, inside a transaction too, and the transaction's other commands run.
  await connection.call("MULTI");
  expect(await connection.call(...request)).toBe("QUEUED");
  await connection.call("SET", "after", "1");
  const replies = (await connection.call("EXEC")) as unknown[];
  expect(String(replies[0])).toBe(String(reply));
  expect(String(replies[0])).not.toMatch(/EXEC/);
  expect(replies[1]).toBe("OK");
});

test("cluster and replication are off, as in a single Redis", async () => {
  expect(String(await connection.call("CLUSTER", "INFO"))).toMatch(/cluster support disabled/);
  expect(await connection.call("ROLE")).toEqual(["master", 0, []]);
  expect(String(await connection.call("INFO", "replication"))).toMatch(/role:master/);
  expect(String(await connection.call("PSYNC", "?", "-1"))).toMatch(/redis-server/);
});

test("every command that COMMAND DOCS calls not supported says so when it is called", async () => {
  const docs = (await connection.call("COMMAND", "DOCS")) as unknown[];
  const refused: string[] = [];
  for (let index = 0; index < docs.length; index += 2) {
    const fields = docs[index + 1] as unknown[];
    const summary = String(fields[fields.indexOf("summary") + 1]);
    if (summary.startsWith("Not supported by this image")) refused.push(String(docs[index]));
  }
  expect(refused).toEqual(expect.arrayContaining(["geoadd", "pfadd", "eval", "module", "psync"]));
  for (const name of refused) {
    const reply = await connection.call(name, "a", "1", "b", "2");
    expect(reply, name).toBeInstanceOf(ReplyError);
    expect(String(reply), name).toMatch(/'redis-server' image|cluster support disabled/);
  }
});
