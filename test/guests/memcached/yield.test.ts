/** -R: after so many requests of one connection others come first. `conn_yields` counts it; answers do not change. */
import { describe, expect, test } from "vitest";
import * as B from "./binary-packet.ts";
import { answers, packet, store } from "./binary-packet.ts";
import type { ByteConnection } from "./byte-connection.ts";
import { bootMemcached, sharedMemcached } from "./memcached-machine.ts";

const machine = await sharedMemcached(["-R", "1"]);

async function yields(connection: ByteConnection): Promise<number> {
  return Number(/STAT conn_yields (\d+)/.exec(await connection.ask("stats\r\n"))?.[1]);
}

describe("-R 1", () => {
  test("yields before each request but the first", async () => {
    const connection = await machine.open();
    const before = await yields(connection); // and once before "mn"
    connection.write("set a 0 0 1\r\nx\r\n".repeat(6));
    expect(await connection.bytes(8 * 6)).toEqual(Buffer.from("STORED\r\n".repeat(6)));
    expect((await yields(connection)) - before).toBe(5 + 1);
    connection.close();
  });

  test("answers everything, in order: text, meta, binary, values in the middle, the end at once", async () => {
    const text = await machine.open();
    const requests: string[] = [];
    const expected: string[] = [];
    for (let i = 0; i < 2000; i++) {
      requests.push(`set k${i % 7} ${i} 0 ${i % 100}\r\n${"v".repeat(i % 100)}\r\nmg k${i % 7} f s\r\nget none\r\n`);
      expected.push(`STORED\r\nHD f${i} s${i % 100}\r\nEND\r\n`);
    }
    text.write(requests.join(""));
    text.socket.end();
    expect(await text.rest()).toBe(expected.join(""));
    text.close();
    const binary = await machine.open();
    const packets = Array.from({ length: 300 }, (_, i) => [
      packet(B.SET, { key: "b", value: `${i}`, extras: store() }),
      packet(B.GET, { key: "b" }),
    ]).flat();
    binary.write(Buffer.concat(packets));
    binary.socket.end();
    const got = answers(Buffer.from(await binary.rest(), "latin1"));
    expect(got.filter((_, i) => i % 2 === 1).map((answer) => answer.value.toString())).toEqual(
      Array.from({ length: 300 }, (_, i) => `${i}`),
    );
    binary.close();
  });

  test("lets another connection in between, and bounds what it keeps", async () => {
    const busy = await machine.open();
    const other = await machine.open();
    const count = 200_000;
    busy.write("mg none\r\n".repeat(count)); // 1.8 MB
    expect(await other.ask("get none\r\n")).toBe("END\r\n");
    expect(busy.received).toBeLessThan(4 * count);
    await busy.bytes(4 * count);
    busy.close();
    other.close();
  }, 60_000);

  test("a connection that goes while it waits for its turn", async () => {
    for (let round = 0; round < 20; round++) {
      const connection = await machine.open();
      connection.write("mg none\r\n".repeat(5000));
      await connection.bytes(4);
      connection.close();
    }
    const left = await machine.open();
    const current = async (): Promise<string | undefined> =>
      /STAT curr_connections (\d+)/.exec(await left.ask("stats\r\n"))?.[1];
    await expect.poll(current, { timeout: 15_000 }).toBe("1");
    left.close();
  });
});

test("without -R nothing yields", async () => {
  const free = await bootMemcached();
  const connection = await free.open();
  await connection.ask("mg none\r\n".repeat(10_000));
  expect(await yields(connection)).toBe(0);
  connection.close();
  await free.stop();
});
