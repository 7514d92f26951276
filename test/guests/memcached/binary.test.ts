/** The binary protocol: what each packet is answered with, by the guest and by Debian's memcached. */
import { describe, expect, test } from "vitest";
import * as B from "./binary-packet.ts";
import { answers, brief, count, type Parts, packet, store, words } from "./binary-packet.ts";
import type { ByteConnection } from "./byte-connection.ts";
import { servers } from "./servers.ts";

const all = await servers();

const set = (key: string, value: string, parts: Parts = {}): Buffer =>
  packet(B.SET, { key, value, extras: store(7), ...parts });
const get = (key: string): Buffer => packet(B.GET, { key });

/** Packets, and the answers to them in brief (binary-packet.ts). Every row begins with an empty cache. */
const rows: [claim: string, packets: Buffer[], answers: string[]][] = [
  [
    "SET and GET",
    [set("a", "hello"), get("a"), packet(B.GETK, { key: "a" })],
    ["1 0 cas", '0 0 cas +00000007 "hello"', 'c 0 cas +00000007 key=a "hello"'],
  ],
  ["an empty value", [set("a", ""), get("a")], ["1 0 cas", "0 0 cas +00000007"]],
  [
    "misses",
    [get("a"), packet(B.GETK, { key: "a" }), packet(B.GETQ, { key: "a" }), packet(B.GETKQ, { key: "a" })],
    ['0 1 "Not found"', "c 1 key=a"],
  ],
  [
    "quiet hits are answered",
    [set("a", "x"), packet(B.GETQ, { key: "a" }), packet(B.GETKQ, { key: "a" })],
    ["1 0 cas", '9 0 cas +00000007 "x"', 'd 0 cas +00000007 key=a "x"'],
  ],
  [
    "ADD and REPLACE",
    [
      packet(B.REPLACE, { key: "a", value: "1", extras: store() }),
      packet(B.ADD, { key: "a", value: "2", extras: store() }),
      packet(B.ADD, { key: "a", value: "3", extras: store() }),
      packet(B.REPLACE, { key: "a", value: "4", extras: store() }),
      get("a"),
    ],
    ['3 1 "Not found"', "2 0 cas", '2 2 "Data exists for key."', "3 0 cas", '0 0 cas +00000000 "4"'],
  ],
  [
    "quiet storage says nothing but errors",
    [
      packet(B.SETQ, { key: "a", value: "1", extras: store() }),
      packet(B.ADDQ, { key: "a", value: "2", extras: store() }),
      packet(B.REPLACEQ, { key: "b", value: "2", extras: store() }),
      packet(B.APPENDQ, { key: "a", value: "2" }),
      packet(B.PREPENDQ, { key: "a", value: "0" }),
      packet(B.APPENDQ, { key: "b", value: "2" }),
      get("a"),
    ],
    ['12 2 "Data exists for key."', '13 1 "Not found"', '19 5 "Not stored."', '0 0 cas +00000000 "012"'],
  ],
  [
    "APPEND and PREPEND",
    [
      packet(B.APPEND, { key: "a", value: "1" }),
      set("a", "-"),
      packet(B.APPEND, { key: "a", value: ">" }),
      packet(B.PREPEND, { key: "a", value: "<" }),
      packet(B.APPEND, { key: "a", value: "" }),
      packet(B.APPEND, { key: "a", value: "x", cas: 99999n }),
      get("a"),
    ],
    [
      'e 5 "Not stored."',
      "1 0 cas",
      "e 0 cas",
      "f 0 cas",
      "e 0 cas",
      'e 2 "Data exists for key."',
      '0 0 cas +00000007 "<->"',
    ],
  ],
  [
    "a CAS number that is wrong",
    [
      set("a", "1", { cas: 5n }),
      set("a", "1"),
      set("a", "2", { cas: 999999n }),
      packet(B.ADD, { key: "b", value: "1", extras: store(), cas: 5n }),
      packet(B.REPLACE, { key: "a", value: "1", extras: store(), cas: 5n }),
      packet(B.DELETE, { key: "a", cas: 999999n }),
      get("a"),
    ],
    [
      '1 1 "Not found"',
      "1 0 cas",
      '1 2 "Data exists for key."',
      '2 1 "Not found"',
      '3 2 "Data exists for key."',
      '4 2 "Data exists for key."',
      '0 0 cas +00000007 "1"',
    ],
  ],
  [
    "DELETE",
    [
      packet(B.DELETE, { key: "a" }),
      set("a", "1"),
      packet(B.DELETE, { key: "a" }),
      packet(B.DELETEQ, { key: "a" }),
      set("a", "1"),
      packet(B.DELETEQ, { key: "a" }),
      get("a"),
    ],
    ['4 1 "Not found"', "1 0 cas", "4 0", '14 1 "Not found"', "1 0 cas", '0 1 "Not found"'],
  ],
  [
    "INCREMENT and DECREMENT",
    [
      packet(B.INCREMENT, { key: "n", extras: count(1n, 10n, 0xffffffff) }),
      packet(B.INCREMENT, { key: "n", extras: count(1n, 10n) }),
      packet(B.INCREMENT, { key: "n", extras: count(5n) }),
      packet(B.DECREMENT, { key: "n", extras: count(6n) }),
      packet(B.DECREMENT, { key: "n", extras: count(60n) }),
      get("n"),
    ],
    [
      '5 1 "Not found"',
      '5 0 cas "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\n"',
      '5 0 cas "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u000f"',
      '6 0 cas "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\t"',
      '6 0 cas "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"',
      '0 0 cas +00000000 "0 "',
    ],
  ],
  [
    "counting with 64 bits, quietly, and what is no number",
    [
      packet(B.INCREMENT, { key: "n", extras: count(0n, 2n ** 64n - 1n) }),
      packet(B.INCREMENTQ, { key: "n", extras: count(2n) }),
      packet(B.DECREMENTQ, { key: "n", extras: count(1n) }),
      get("n"),
      set("a", "x"),
      packet(B.INCREMENT, { key: "a", extras: count(1n) }),
      packet(B.INCREMENTQ, { key: "a", extras: count(1n) }),
      packet(B.INCREMENT, { key: "n", extras: count(1n), cas: 99999n }),
    ],
    [
      '5 0 cas "ÿÿÿÿÿÿÿÿ"',
      '0 0 cas +00000000 "0                   "',
      "1 0 cas",
      '5 6 "Non-numeric server-side value for incr or decr"',
      '15 6 "Non-numeric server-side value for incr or decr"',
      '5 2 "Data exists for key."',
    ],
  ],
  [
    "TOUCH and GAT",
    [
      packet(B.TOUCH, { key: "a", extras: words(10) }),
      packet(B.GAT, { key: "a", extras: words(10) }),
      packet(B.GATK, { key: "a", extras: words(10) }),
      packet(B.GATQ, { key: "a", extras: words(10) }),
      packet(B.GATKQ, { key: "a", extras: words(10) }),
      set("a", "1"),
      packet(B.TOUCH, { key: "a", extras: words(10) }),
      packet(B.GAT, { key: "a", extras: words(0) }),
      packet(B.GATK, { key: "a", extras: words(0) }),
      packet(B.GATQ, { key: "a", extras: words(0) }),
      packet(B.GATKQ, { key: "a", extras: words(0) }),
    ],
    [
      '1c 1 "Not found"',
      '1d 1 "Not found"',
      "23 1 key=a",
      "1 0 cas",
      "1c 0 cas +00000007",
      '1d 0 cas +00000007 "1"',
      '23 0 cas +00000007 key=a "1"',
      '1e 0 cas +00000007 "1"',
      '24 0 cas +00000007 key=a "1"',
    ],
  ],
  [
    "FLUSH",
    [
      set("a", "1"),
      packet(B.FLUSH),
      get("a"),
      set("a", "1"),
      packet(B.FLUSHQ, { extras: words(0) }),
      get("a"),
      packet(B.FLUSH, { extras: words(100) }),
    ],
    ["1 0 cas", "8 0", '0 1 "Not found"', "1 0 cas", '0 1 "Not found"', "8 0"],
  ],
  [
    "VERSION and NOOP keep the opaque",
    [packet(B.VERSION), packet(B.NOOP, { opaque: 0xdeadbeef })],
    ['b 0 "1.6.18"', "a 0 opaque=deadbeef"],
  ],
  [
    "a value that is too long",
    [
      set("a", "old"),
      set("a", "x".repeat(2_000_000)),
      get("a"),
      packet(B.APPEND, { key: "a", value: "x".repeat(2_000_000) }),
    ],
    ["1 0 cas", '1 3 "Too large."', '0 1 "Not found"', 'e 3 "Too large."'],
  ],
  [
    "ADD of a value that is too long leaves the old one",
    [set("a", "old"), packet(B.ADDQ, { key: "a", value: "x".repeat(2_000_000), extras: store() }), get("a")],
    ["1 0 cas", '12 3 "Too large."', '0 0 cas +00000007 "old"'],
  ],
  [
    "unknown opcodes and SASL",
    [
      packet(0x80),
      packet(B.SASL_LIST_MECHS),
      packet(B.SASL_AUTH, { key: "PLAIN", value: "secret" }),
      packet(0x70, { value: "some bytes" }),
    ],
    ['80 81 "Unknown command"', '20 81 "Unknown command"', '21 81 "Unknown command"', '70 81 "Unknown command"'],
  ],
  [
    "STAT of a group that there is not",
    [packet(B.STAT, { key: "nonsense" }), packet(B.STAT, { key: "detail" }), packet(B.STAT, { key: "reset" })],
    ['10 1 "Not found"', '10 1 "Not found"', "10 0"],
  ],
  [
    "keys of 250 bytes",
    [set("k".repeat(250), "1"), packet(B.GETK, { key: "k".repeat(250) })],
    ["1 0 cas", `c 0 cas +00000007 key=${"k".repeat(250)} "1"`],
  ],
];

/** Packets after which the connection is closed, and what is answered before that. */
const endings: [claim: string, sent: Buffer, answers: string[]][] = [
  ["QUIT", packet(B.QUIT), ["7 0"]],
  ["QUITQ", packet(B.QUITQ), []],
  ["a wrong magic", Buffer.concat([packet(B.NOOP), packet(B.NOOP, { magic: 0x81 })]), ["a 0"]],
  ["text in between", Buffer.concat([packet(B.NOOP), Buffer.from("get something that is long enough\r\n")]), ["a 0"]],
  ["a key of 251 bytes", packet(B.GET, { key: "k".repeat(251) }), ['0 4 "Invalid arguments"']],
  ["a key beyond the body", packet(B.GET, { key: "abc", bodyLength: 1 }), ['0 81 "Unknown command"']],
  ["extras beyond the body", packet(B.SET, { key: "abc", extras: store(), bodyLength: 4 }), ['1 81 "Unknown command"']],
  ["GET without a key", packet(B.GET), ['0 4 "Invalid arguments"']],
  ["GET with extras", packet(B.GET, { key: "a", extras: words(0) }), ['0 4 "Invalid arguments"']],
  ["GETQ with a value", packet(B.GETQ, { key: "a", value: "v" }), ['9 4 "Invalid arguments"']],
  ["SET without extras", packet(B.SET, { key: "a", value: "v" }), ['1 4 "Invalid arguments"']],
  ["SET without a key", packet(B.SET, { value: "v", extras: store() }), ['1 4 "Invalid arguments"']],
  ["NOOP with a key", packet(B.NOOP, { key: "a" }), ['a 4 "Invalid arguments"']],
  ["VERSION with a body", packet(B.VERSION, { value: "a" }), ['b 4 "Invalid arguments"']],
  ["INCREMENT with short extras", packet(B.INCREMENT, { key: "a", extras: words(1) }), ['5 4 "Invalid arguments"']],
  ["TOUCH without extras", packet(B.TOUCH, { key: "a" }), ['1c 4 "Invalid arguments"']],
  ["FLUSH with a key", packet(B.FLUSH, { key: "a" }), ['8 4 "Invalid arguments"']],
  ["DELETE with extras", packet(B.DELETE, { key: "a", extras: words(1) }), ['4 4 "Invalid arguments"']],
  ["APPEND with extras", packet(B.APPEND, { key: "a", extras: words(1), value: "v" }), ['e 4 "Invalid arguments"']],
  ["STAT with extras", packet(B.STAT, { extras: words(1) }), ['10 4 "Invalid arguments"']],
];

const end = packet(B.NOOP, { opaque: 0x7fffffff });
const endAnswer = (() => {
  const head = Buffer.from(end);
  head[0] = 0x81;
  return head.toString("latin1");
})();

async function ask(connection: ByteConnection, packets: Buffer[]): Promise<B.Answer[]> {
  connection.write(Buffer.concat([...packets, end]));
  return answers(Buffer.from(await connection.until(endAnswer), "latin1"));
}

describe.each(all)("$name", (server) => {
  test.each(rows)("%s", async (_claim, packets, expected) => {
    const connection = await server.open();
    await ask(connection, [packet(B.FLUSH)]);
    expect((await ask(connection, packets)).map(brief)).toEqual(expected);
    connection.close();
  });

  test.each(endings)("%s ends the connection", async (_claim, sent, expected) => {
    const connection = await server.open();
    connection.write(sent);
    expect(answers(Buffer.from(await connection.rest(), "latin1")).map(brief)).toEqual(expected);
  });

  test("the CAS number of an answer is the item's", async () => {
    const connection = await server.open();
    const [stored, read] = await ask(connection, [set("a", "1"), get("a")]);
    expect(read?.cas).toBe(stored?.cas);
    const [changed, refused] = await ask(connection, [
      set("a", "2", { cas: stored?.cas ?? 0n }),
      set("a", "3", { cas: stored?.cas ?? 0n }),
    ]);
    expect(changed?.status).toBe(0);
    expect(refused?.status).toBe(2);
    expect((await ask(connection, [packet(B.DELETE, { key: "a", cas: changed?.cas ?? 0n })]))[0]?.status).toBe(0);
    connection.close();
  });

  test("STAT: a packet for each, then an empty one", async () => {
    const connection = await server.open();
    for (const group of ["", "settings", "items", "slabs"]) {
      await ask(connection, [set("a", "1")]);
      const found = await ask(connection, [packet(B.STAT, { key: group })]);
      const last = found.pop();
      expect([last?.key, last?.value, last?.status]).toEqual(["", "", 0]);
      expect(found.length).toBeGreaterThan(5);
      expect(found.every((answer) => answer.key !== "" && answer.value !== "" && answer.opcode === B.STAT)).toBe(true);
    }
    connection.close();
  });

  test("the first byte decides, on each connection", async () => {
    const binary = await server.open();
    const text = await server.open();
    await ask(binary, [set("shared", "value")]);
    expect(await text.ask("get shared\r\n")).toBe("VALUE shared 7 5\r\nvalue\r\nEND\r\n");
    text.close();
    binary.close();
  });
});

describe("-B", () => {
  test("ascii: a binary packet is a line that is no command", async () => {
    for (const server of await servers(["-B", "ascii"])) {
      const connection = await server.open();
      connection.write(Buffer.concat([packet(B.NOOP), Buffer.from("\r\n")]));
      expect(await connection.until("\r\n")).toBe("ERROR");
      connection.close();
    }
  });
});
