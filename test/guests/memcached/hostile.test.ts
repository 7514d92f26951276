/**
 * Clients that mean no good, or cannot help it: garbage, lies about lengths, requests cut anywhere, those who do not read and those who ask for
 * too much at once. The machine is small, so that whatever is kept for them without bound would end it; after each of them it serves others.
 */
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { randomFor } from "../../random.ts";
import * as B from "./binary-packet.ts";
import { answers, brief, packet, store } from "./binary-packet.ts";
import type { ByteConnection } from "./byte-connection.ts";
import { sharedMemcached } from "./memcached-machine.ts";

const machine = await sharedMemcached(["-m", "16"], { memory: "56mb" });
const open = (): Promise<ByteConnection> => machine.open();

afterEach(async () => {
  const connection = await open();
  expect(await connection.ask("set alive 0 0 3\r\nyes\r\nget alive\r\n")).toBe(
    "STORED\r\nVALUE alive 0 3\r\nyes\r\nEND\r\n",
  );
  connection.close();
});

async function stat(name: string): Promise<number> {
  const connection = await open();
  const value = new RegExp(`^STAT ${name} (\\d+)\r$`, "m").exec(await connection.ask("stats\r\n"))?.[1];
  connection.close();
  return Number(value);
}

/** Waits until only the asking connection is left. */
const alone = (): Promise<void> => expect.poll(() => stat("curr_connections"), { timeout: 15_000 }).toBe(1);

describe("garbage", () => {
  test("random bytes, random text, random packets", async () => {
    const random = randomFor("memcached garbage");
    const words = [
      "get ",
      "set ",
      "ms ",
      "mg ",
      "a ",
      "0 ",
      "\r\n",
      "\n",
      "\0",
      "9999999999 ",
      "-1 ",
      "noreply",
      "watch fetchers mutations connevents",
      "\x80",
      "k".repeat(300),
      " ",
    ];
    for (let round = 0; round < 150; round++) {
      const parts: Buffer[] = [];
      for (let n = random.below(40); n >= 0; n--) {
        const kind = (round + random.below(2)) % 3;
        if (kind === 0) parts.push(Buffer.from(random.pick(words), "latin1"));
        else if (kind === 1) parts.push(Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256))));
        else
          parts.push(
            packet(random.below(0x30), {
              key: "k".repeat(random.below(5)),
              value: "v".repeat(random.below(30)),
              extras: Buffer.alloc(random.pick([0, 4, 8, 20])),
              ...(random.oneIn(3) && { bodyLength: random.u32() }),
              ...(random.oneIn(5) && { keyLength: random.below(65536) }),
              ...(random.oneIn(5) && { extrasLength: random.below(256) }),
            }),
          );
      }
      const connection = await open();
      connection.write(Buffer.concat(parts));
      connection.socket.end();
      // Whatever it is: it ends, for nothing more comes.
      await connection.rest();
      connection.close();
    }
    await alone();
  }, 60_000);
});

describe("lengths that are lies", () => {
  test.each([
    "2147483647",
    "2147483646",
    "4294967295",
    "-2147483648",
    "18446744073709551615",
    "99999999999999999999",
    "-1",
  ])("set with a length of %s", async (length) => {
    const connection = await open();
    connection.write(`set a 0 0 ${length}\r\nabc\r\n`);
    expect(await connection.until("\r\n")).toMatch(
      /^(CLIENT_ERROR bad command line format|SERVER_ERROR object too large for cache)$/,
    );
    connection.close();
    const meta = await open();
    meta.write(`ms a ${length}\r\nabc\r\n`);
    expect(await meta.until("\r\n")).toMatch(
      /^(CLIENT_ERROR bad command line format|SERVER_ERROR object too large for cache)$/,
    );
    meta.close();
  });

  test.each([0xffffffff, 0x80000000, 0x7fffffff, 0x7ffffffe, 0x7ffffffd])(
    "SET with a body of %i bytes",
    async (bodyLength) => {
      const connection = await open();
      connection.write(packet(B.SET, { key: "a", extras: store(), bodyLength }));
      expect(answers(await connection.bytes(24 + "Too large.".length)).map(brief)).toEqual(['1 3 "Too large."']);
      connection.close();
    },
  );

  test("a key of 65,535 bytes in a binary head keeps no more than a read buffer of them", async () => {
    const connection = await open();
    connection.write(packet(B.GET, { keyLength: 65535, bodyLength: 65535 }));
    connection.write(Buffer.alloc(30_000, "k"));
    expect(await connection.rest()).toBe("");
  });

  test("an unknown opcode with a body of 4 GB is answered, and its body swallowed", async () => {
    const connection = await open();
    connection.write(packet(0x70, { bodyLength: 0xffffffff }));
    expect(answers(await connection.bytes(24 + "Unknown command".length)).map(brief)).toEqual([
      '70 81 "Unknown command"',
    ]);
    for (let i = 0; i < 20; i++) connection.write(Buffer.alloc(1 << 20));
    connection.close();
  });
});

describe("lines without an end", () => {
  test("a line that is no get is given up after 2,048 bytes", async () => {
    const connection = await open();
    connection.write("x".repeat(2048));
    connection.write("x".repeat(100));
    expect(await connection.rest()).toBe("");
  });

  test("a get of 32 MB of keys is answered as it comes", async () => {
    const connection = await open();
    await connection.ask("set a 0 0 1\r\n1\r\n");
    const keys = Buffer.from("missing ".repeat(8192));
    connection.write("get a ");
    for (let i = 0; i < 512; i++) {
      if (!connection.socket.write(keys)) await once(connection.socket, "drain");
    }
    connection.write("a\r\nmn\r\n");
    expect(await connection.until("MN\r\n")).toBe("VALUE a 0 1\r\n1\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    connection.close();
  }, 60_000);

  test("a key without an end in such a line is an error, and the rest of the line nothing", async () => {
    const connection = await open();
    connection.write(`get ${"short ".repeat(500)}`);
    connection.write("k".repeat(5000));
    expect(await connection.until("\r\n")).toBe("CLIENT_ERROR bad command line format");
    connection.write("more and more\r\n");
    expect(await connection.ask("get short\r\n")).toBe("END\r\n");
    connection.close();
  });
});

describe("requests cut anywhere", () => {
  const text =
    "set cut 5 0 11\r\nhello\r\nyou!\r\ngets none cut none\r\nms m 2 T0 k O1\r\nhi\r\nmg m v k\r\nincr no 1\r\ndelete cut noreply\r\nget cut\r\nmn\r\n";
  const textAnswer =
    /^STORED\r\nVALUE cut 5 11 \d+\r\nhello\r\nyou!\r\nEND\r\nHD km O1\r\nVA 2 km\r\nhi\r\nNOT_FOUND\r\nEND\r\nMN\r\n$/;
  const binary = Buffer.concat([
    packet(B.SET, { key: "cut", value: "hello", extras: store(3) }),
    packet(B.GETK, { key: "cut" }),
    packet(B.DELETE, { key: "cut" }),
    packet(B.QUIT),
  ]);
  const binaryAnswer = ["1 0 cas", 'c 0 cas +00000003 key=cut "hello"', "4 0", "7 0"];

  test("text in two pieces, at every byte", async () => {
    const bytes = Buffer.from(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const connection = await open();
      connection.write(bytes.subarray(0, cut));
      // The first piece is on its way on its own before the second is written.
      await new Promise((resolve) => setImmediate(resolve));
      connection.write(bytes.subarray(cut));
      expect(`${await connection.until("MN\r\n")}MN\r\n`).toMatch(textAnswer);
      connection.close();
    }
  }, 60_000);

  test("text and binary a byte at a time", async () => {
    const connection = await open();
    for (const byte of Buffer.from(text)) {
      connection.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(`${await connection.until("MN\r\n")}MN\r\n`).toMatch(textAnswer);
    connection.close();
    const other = await open();
    for (const byte of binary) {
      other.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(answers(Buffer.from(await other.rest(), "latin1")).map(brief)).toEqual(binaryAnswer);
  });

  test("binary in two pieces, at every byte", async () => {
    for (let cut = 1; cut < binary.length; cut++) {
      const connection = await open();
      connection.write(binary.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      connection.write(binary.subarray(cut));
      expect(answers(Buffer.from(await connection.rest(), "latin1")).map(brief)).toEqual(binaryAnswer);
    }
  }, 60_000);

  test("clients that go in the middle of a value leave nothing behind", async () => {
    for (let round = 0; round < 60; round++) {
      const connection = await open();
      connection.write(`set half 0 0 900000\r\n${"x".repeat(round * 10_000)}`);
      if (round % 2) connection.socket.end();
      else connection.close();
    }
    await alone();
    const connection = await open();
    expect(await connection.ask("get half\r\n")).toBe("END\r\n");
    connection.close();
  }, 60_000);

  test("a side that is shut down gets everything it asked for", async () => {
    const connection = await open();
    connection.write(`set big 0 0 500000\r\n${"b".repeat(500_000)}\r\n${"get big\r\n".repeat(40)}`);
    connection.socket.end();
    expect(await connection.rest()).toBe(
      `STORED\r\n${`VALUE big 0 500000\r\n${"b".repeat(500_000)}\r\nEND\r\n`.repeat(40)}`,
    );
  });
});

describe("those who take too much", () => {
  test("100,000 requests at once, read only afterwards: all are answered, and others meanwhile", async () => {
    const greedy = await open();
    const value = "v".repeat(1000);
    await greedy.ask(`set k 0 0 1000\r\n${value}\r\n`);
    greedy.socket.pause();
    greedy.write("get k\r\n".repeat(100_000)); // 100 MB of answers, in a machine of 56
    const other = await open();
    for (let i = 0; i < 200; i++) expect(await other.ask(`set other 0 0 1\r\n${i % 10}\r\n`)).toBe("STORED\r\n");
    other.close();
    const one = `VALUE k 0 1000\r\n${value}\r\nEND\r\n`;
    greedy.socket.resume();
    for (let i = 0; i < 100; i++) {
      const some = await greedy.bytes(one.length * 1000);
      expect(some.toString("latin1") === one.repeat(1000)).toBe(true);
    }
    expect(greedy.received).toBe(0);
    greedy.close();
  }, 120_000);

  test("fifty who ask for large values and never read", async () => {
    const keeper = await open();
    for (let i = 0; i < 8; i++) await keeper.ask(`set large${i} 0 0 800000\r\n${"x".repeat(800_000)}\r\n`);
    const silent: ByteConnection[] = [];
    for (let i = 0; i < 50; i++) {
      const connection = await open();
      connection.socket.pause();
      connection.write(`get large${i % 8}\r\n`.repeat(2000));
      silent.push(connection);
    }
    for (let i = 0; i < 300; i++) {
      expect(await keeper.ask(`set small${i} 0 0 1000\r\n${"s".repeat(1000)}\r\nget small${i}\r\n`)).toBe(
        `STORED\r\nVALUE small${i} 0 1000\r\n${"s".repeat(1000)}\r\nEND\r\n`,
      );
    }
    for (const connection of silent) connection.close();
    keeper.close();
    await alone();
  }, 120_000);

  test("values whose items are replaced while they are being sent arrive as they were", async () => {
    const reader = await open();
    const writer = await open();
    const of = (letter: string): string => letter.repeat(300_000);
    await writer.ask(`set changing 0 0 300000\r\n${of("a")}\r\n`);
    reader.socket.pause();
    reader.write("get changing\r\n".repeat(20));
    for (const letter of "bcdefgh") await writer.ask(`set changing 0 0 300000\r\n${of(letter)}\r\n`);
    await writer.ask("delete changing\r\n");
    reader.socket.resume();
    reader.write("mn\r\n");
    const all = await reader.until("MN\r\n");
    for (const block of all.split("END\r\n")) {
      const data = /^VALUE changing 0 300000\r\n([a-z]+)\r\n$/.exec(block)?.[1];
      if (data !== undefined) expect(data === of(data[0] as string)).toBe(true);
      else expect(block).toBe("");
    }
    reader.close();
    writer.close();
  });

  test("a thousand connections that say half a line", async () => {
    const many = await Promise.all(Array.from({ length: 1000 }, open));
    for (const connection of many) connection.write(`get ${"h".repeat(200)}`);
    const other = await open();
    expect(await other.ask("get nothing\r\n")).toBe("END\r\n");
    for (const connection of many) connection.write("\r\n");
    for (const connection of many) expect(await connection.until("\r\n")).toBe("END");
    for (const connection of many) connection.close();
    other.close();
    await alone();
  }, 60_000);
});
