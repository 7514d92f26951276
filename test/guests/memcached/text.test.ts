/** The text protocol: what each command answers. */
import { expect, test } from "vitest";
import { sharedMemcached } from "./memcached-machine.ts";

const machine = await sharedMemcached();

test("set, get, gets, delete", async () => {
  const connection = await machine.open();
  expect(await connection.ask("set foo 5 0 3\r\nbar\r\nget foo\r\nget nothing foo nothing foo\r\n")).toBe(
    "STORED\r\nVALUE foo 5 3\r\nbar\r\nEND\r\nVALUE foo 5 3\r\nbar\r\nVALUE foo 5 3\r\nbar\r\nEND\r\n",
  );
  expect(await connection.ask("gets foo\r\n")).toMatch(/^VALUE foo 5 3 \d+\r\nbar\r\nEND\r\n$/);
  expect(await connection.ask("delete foo\r\ndelete foo\r\nget foo\r\n")).toBe("DELETED\r\nNOT_FOUND\r\nEND\r\n");
  connection.close();
});

test("a value of a megabyte comes back as it was", async () => {
  const connection = await machine.open();
  const value = Buffer.alloc(1_000_000);
  for (let i = 0; i < value.length; i++) value[i] = (i * 7 + (i >> 8)) & 255;
  connection.write(Buffer.concat([Buffer.from("set big 0 0 1000000\r\n"), value, Buffer.from("\r\n")]));
  expect(await connection.until("\r\n")).toBe("STORED");
  connection.write("get big\r\n");
  expect(await connection.until("\r\n")).toBe("VALUE big 0 1000000");
  expect((await connection.bytes(value.length)).equals(value)).toBe(true);
  expect(await connection.until("END\r\n")).toBe("\r\n");
  connection.close();
});
