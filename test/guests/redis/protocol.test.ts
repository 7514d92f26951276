/** The protocol's edges: inline commands, limits, and bytes that are no protocol at all. */
import { afterEach, describe, expect, test } from "vitest";
import { seededRandom, sharedRedis, testSeed } from "./redis-machine.ts";
import { encode, ReplyError, RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const opened: RespConnection[] = [];
afterEach(() => {
  for (const connection of opened.splice(0)) connection.close();
});

async function open(): Promise<RespConnection> {
  const connection = await RespConnection.open(machine.port);
  opened.push(connection);
  return connection;
}

describe("inline commands", () => {
  test("words, quotes, escapes and empty lines", async () => {
    const connection = await open();
    connection.write(
      "PING\r\n\r\n\nSET inline \"a \\x41\\n\\\"\"\nGET inline\r\nSET inline 'single ''\r\nECHO 'it''s'\r\n",
    );
    expect(await connection.read()).toBe("PONG");
    expect(await connection.read()).toBe("OK");
    expect(await connection.read()).toBe('a A\n"');
    expect(String(await connection.read())).toMatch(/Protocol error: unbalanced quotes/);
    await connection.ended();
  });

  test("inline and framed requests mix on one connection", async () => {
    const connection = await open();
    connection.write(Buffer.concat([Buffer.from("SET mix 1\r\n"), encode(["INCR", "mix"]), Buffer.from("GET mix\n")]));
    expect([await connection.read(), await connection.read(), await connection.read()]).toEqual(["OK", 2, "2"]);
  });

  test("an inline request without an end is refused at 64 KB", async () => {
    const connection = await open();
    connection.write("A".repeat(70_000));
    expect(String(await connection.read())).toMatch(/Protocol error: too big inline request/);
    await connection.ended();
  });
});

describe("framing errors answer and close", () => {
  for (const [name, bytes, expected] of [
    ["a bulk without $", "*1\r\nX1\r\n", /expected '\$', got 'X'/],
    ["a negative bulk", "*1\r\n$-1\r\n", /invalid bulk length/],
    ["a bulk beyond proto-max-bulk-len", "*1\r\n$536870913\r\n", /invalid bulk length/],
    ["a bulk length that is no number", "*1\r\n$x\r\n", /invalid bulk length/],
    ["too many arguments", "*2147483648\r\n", /invalid multibulk length/],
    ["an argument count that is no number", "*3x\r\n", /invalid multibulk length/],
    ["an argument count without an end", `*${"1".repeat(70_000)}`, /too big mbulk count string/],
    ["a bulk length without an end", `*1\r\n$${"1".repeat(70_000)}`, /too big bulk count string/],
  ] as const) {
    test(name, async () => {
      const connection = await open();
      connection.write(bytes);
      const reply = await connection.read();
      expect(reply).toBeInstanceOf(ReplyError);
      expect(String(reply)).toMatch(expected);
      await connection.ended();
    });
  }

  test("what stood before the broken frame is answered first", async () => {
    const connection = await open();
    connection.write("*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n!oops\r\n*1\r\n$4\r\nPING\r\n");
    expect(await connection.read()).toBe("hi");
    expect(String(await connection.read())).toMatch(/expected '\$', got '!'/);
    await connection.ended();
    expect(connection.pending.length).toBe(0);
  });

  test("empty and negative requests are passed over", async () => {
    const connection = await open();
    connection.write("*0\r\n*-5\r\n*1\r\n$4\r\nPING\r\n");
    expect(await connection.read()).toBe("PONG");
  });
});

test("unknown commands and wrong counts are errors, not ends", async () => {
  const connection = await open();
  expect(String(await connection.call("NOSUCH", "a", "b"))).toMatch(
    /ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b'/,
  );
  expect(String(await connection.call("GET"))).toMatch(/ERR wrong number of arguments for 'get' command/);
  expect(String(await connection.call("CLIENT", "NOSUCH"))).toMatch(/ERR unknown subcommand 'NOSUCH'/);
  expect(String(await connection.call(""))).toMatch(/ERR unknown command/);
  expect(await connection.call("PING")).toBe("PONG");
});

test("keys and values are any bytes", async () => {
  const connection = await open();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  expect(await connection.call("SET", bytes, bytes)).toBe("OK");
  expect(await connection.call("GET", bytes)).toBe(bytes.toString("latin1"));
  expect(await connection.call("SET", "", "empty key")).toBe("OK");
  expect(await connection.call("GET", "")).toBe("empty key");
  expect(await connection.call("DEL", bytes, "")).toBe(2);
});

test("random garbage never harms the server or another client", { timeout: 60_000 }, async () => {
  const seed = testSeed();
  console.log(`protocol fuzz: TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const witness = await open();
  await witness.call("SET", "witness", "untouched");
  const valid = [
    encode(["SET", "fuzz", "value"]),
    encode(["MSET", "fuzz:1", "a", "fuzz:2", "b"]),
    encode(["ZADD", "fuzz:z", "1", "m"]),
    encode(["HSET", "fuzz:h", "f", "v"]),
    encode(["MULTI"]),
    encode(["EXEC"]),
    encode(["HELLO", "3"]),
    encode(["SUBSCRIBE", "fuzz"]),
    Buffer.from("PING\r\n"),
  ];
  const garble = (): Buffer => {
    switch (random(4)) {
      case 0: // pure noise
        return Buffer.from(Array.from({ length: 1 + random(300) }, () => random(256)));
      case 1: {
        // a valid request with some bytes changed
        const bytes = Buffer.from(valid[random(valid.length)] ?? "");
        for (let flips = 1 + random(4); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
        return bytes;
      }
      case 2: // noise out of the protocol's own alphabet
        return Buffer.from(
          Array.from({ length: 1 + random(200) }, () => "*$:+-_#,(!=%~>|0123456789\r\n \"'".charCodeAt(random(32))),
        );
      default: {
        // valid requests, cut and joined anywhere
        const bytes = Buffer.concat([
          valid[random(valid.length)] ?? Buffer.alloc(0),
          valid[random(valid.length)] ?? Buffer.alloc(0),
        ]);
        return bytes.subarray(random(bytes.length), 1 + random(bytes.length) + random(bytes.length));
      }
    }
  };
  for (let round = 0; round < 500; round++) {
    const connection = await open();
    for (let parts = 1 + random(5); parts > 0; parts--) connection.write(garble());
    if (random(2) === 0) await new Promise((resolve) => setTimeout(resolve, random(3)));
    connection.close();
    if (round % 25 === 0) expect(await witness.call("GET", "witness"), `round ${round}`).toBe("untouched");
  }
  expect(await witness.call("GET", "witness")).toBe("untouched");
  const fresh = await open();
  expect(await fresh.call("PING")).toBe("PONG");
});
