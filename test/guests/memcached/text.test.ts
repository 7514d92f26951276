/** The text protocol: what each request is answered with, word for word, by the guest and by Debian's memcached. */
import { describe, expect, test } from "vitest";
import type { ByteConnection } from "./byte-connection.ts";
import { servers } from "./servers.ts";

const all = await servers();
const key250 = "k".repeat(250);
const key251 = "k".repeat(251);
const BAD_FORMAT = "CLIENT_ERROR bad command line format\r\n";

/** What is said, and the answer. Every row is on its own: it begins with an empty cache. */
const rows: [claim: string, requests: string, answer: string][] = [
  ["set and get", "set a 5 0 3\r\nbar\r\nget a\r\n", "STORED\r\nVALUE a 5 3\r\nbar\r\nEND\r\n"],
  ["an empty value", "set a 0 0 0\r\n\r\nget a\r\n", "STORED\r\nVALUE a 0 0\r\n\r\nEND\r\n"],
  [
    "a value with newlines and zeros",
    "set a 0 0 6\r\n\r\n\0\r\n\n\r\nget a\r\n",
    "STORED\r\nVALUE a 0 6\r\n\r\n\0\r\n\n\r\nEND\r\n",
  ],
  [
    "get of several",
    "set a 1 0 1\r\nA\r\nset b 2 0 1\r\nB\r\nget x a y b a\r\n",
    "STORED\r\nSTORED\r\nVALUE a 1 1\r\nA\r\nVALUE b 2 1\r\nB\r\nVALUE a 1 1\r\nA\r\nEND\r\n",
  ],
  ["get of nothing", "get x y z\r\n", "END\r\n"],
  ["get without a key", "get\r\nget \r\ngets\r\ngat 1\r\n", "ERROR\r\nERROR\r\nERROR\r\nEND\r\n"],
  [
    "spaces are separators, tabs are not",
    "  set   a   0  0  1  \r\n1\r\nget  a\tb\r\n  get   a  \r\n",
    "STORED\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\n",
  ],
  ["a line may end with a newline alone", "set a 0 0 1\n1\r\nget a\n", "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n"],
  ["a NUL ends the line", "get a\0b c\r\nset x 0 0 1\0 noreply\r\n1\r\n", "END\r\nSTORED\r\n"],
  [
    "keys of 250 bytes",
    `set ${key250} 0 0 1\r\n1\r\nget ${key250}\r\n`,
    `STORED\r\nVALUE ${key250} 0 1\r\n1\r\nEND\r\n`,
  ],
  ["keys of 251 bytes", `set ${key251} 0 0 1\r\n`, BAD_FORMAT],
  ["get of a key of 251 bytes", `get ${key251}\r\n`, BAD_FORMAT],
  ["gat of a key of 251 bytes", `gat 0 a ${key251}\r\n`, BAD_FORMAT],
  [
    "keys of 251 bytes elsewhere",
    `incr ${key251} 1\r\ndelete ${key251}\r\ntouch ${key251} 1\r\n`,
    BAD_FORMAT.repeat(3),
  ],
  ["a get with a key that is too long answers nothing else", `get a ${key251} b\r\n`, BAD_FORMAT],
  ["add", "add a 0 0 1\r\n1\r\nadd a 0 0 1\r\n2\r\nget a\r\n", "STORED\r\nNOT_STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n"],
  [
    "replace",
    "replace a 0 0 1\r\n1\r\nset a 0 0 1\r\n1\r\nreplace a 7 0 2\r\n22\r\nget a\r\n",
    "NOT_STORED\r\nSTORED\r\nSTORED\r\nVALUE a 7 2\r\n22\r\nEND\r\n",
  ],
  [
    "append and prepend keep the flags",
    "append a 0 0 1\r\n1\r\nprepend a 0 0 1\r\n1\r\nset a 9 0 1\r\n-\r\nappend a 1 0 2\r\n>>\r\nprepend a 1 0 2\r\n<<\r\nget a\r\n",
    "NOT_STORED\r\nNOT_STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nVALUE a 9 5\r\n<<->>\r\nEND\r\n",
  ],
  [
    "cas",
    "cas a 0 0 1 1\r\n1\r\nset a 0 0 1\r\n1\r\ncas a 0 0 1 99999999\r\n2\r\nget a\r\ncas a 0 0 1 0\r\n2\r\n",
    "NOT_FOUND\r\nSTORED\r\nEXISTS\r\nVALUE a 0 1\r\n1\r\nEND\r\nEXISTS\r\n",
  ],
  ["cas wants a number", "cas a 0 0 1 x\r\ncas a 0 0 1\r\n", `${BAD_FORMAT}ERROR\r\n`],
  [
    "incr and decr",
    "set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 7\r\ndecr n 100\r\nget n\r\n",
    "STORED\r\n15\r\n8\r\n0\r\nVALUE n 0 2\r\n0 \r\nEND\r\n",
  ],
  [
    "incr wraps at 64 bits",
    "set n 0 0 20\r\n18446744073709551615\r\nincr n 1\r\nincr n 18446744073709551615\r\n",
    "STORED\r\n0\r\n18446744073709551615\r\n",
  ],
  [
    "incr grows the value",
    "set n 3 0 2\r\n99\r\nincr n 1\r\nget n\r\n",
    "STORED\r\n100\r\nVALUE n 3 3\r\n100\r\nEND\r\n",
  ],
  [
    "incr of what is no number",
    "set n 0 0 1\r\nx\r\nincr n 1\r\nincr no 1\r\ndecr no 1\r\nincr n x\r\nincr n -1\r\n",
    "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nNOT_FOUND\r\nNOT_FOUND\r\nCLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\n",
  ],
  ["incr with too few or too many words", "incr a\r\nincr a 1 2 3\r\ndecr\r\n", "ERROR\r\nERROR\r\nERROR\r\n"],
  [
    "touch",
    "touch a 1\r\nset a 0 0 1\r\n1\r\ntouch a 100\r\ntouch a x\r\ntouch a\r\n",
    "NOT_FOUND\r\nSTORED\r\nTOUCHED\r\nCLIENT_ERROR invalid exptime argument\r\nERROR\r\n",
  ],
  [
    "gat",
    "gat 10 a\r\nset a 4 0 1\r\n1\r\ngat 10 a b a\r\ngat x a\r\n",
    "END\r\nSTORED\r\nVALUE a 4 1\r\n1\r\nVALUE a 4 1\r\n1\r\nEND\r\nCLIENT_ERROR invalid exptime argument\r\n",
  ],
  [
    "gat with a negative time makes it expire",
    "set a 0 0 1\r\n1\r\ngat -1 a\r\nget a\r\n",
    "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nEND\r\n",
  ],
  ["a negative expiry time is the past", "set a 0 -1 1\r\n1\r\nget a\r\n", "STORED\r\nEND\r\n"],
  ["an expiry time in the past", "set a 0 2592001 1\r\n1\r\nget a\r\n", "STORED\r\nEND\r\n"],
  [
    "delete",
    "delete a\r\nset a 0 0 1\r\n1\r\ndelete a 0\r\ndelete a 0\r\n",
    "NOT_FOUND\r\nSTORED\r\nDELETED\r\nNOT_FOUND\r\n",
  ],
  [
    "delete with other words",
    "delete a 5\r\ndelete a 0 noreply\r\ndelete a noreply\r\ndelete a 0 x\r\ndelete\r\ndelete a 1 2 3\r\n",
    "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nERROR\r\nERROR\r\n",
  ],
  [
    "noreply",
    "set a 0 0 1 noreply\r\n1\r\nadd a 0 0 1 noreply\r\n2\r\nreplace b 0 0 1 noreply\r\n3\r\nappend a 0 0 1 noreply\r\n4\r\nprepend a 0 0 1 noreply\r\n5\r\nincr a 1 noreply\r\ndecr a 1 noreply\r\ntouch a 0 noreply\r\ncas a 0 0 1 1 noreply\r\n6\r\nverbosity 0 noreply\r\nget a\r\ndelete a noreply\r\nflush_all noreply\r\nflush_all 0 noreply\r\nget a\r\n",
    "VALUE a 0 3\r\n514\r\nEND\r\nEND\r\n",
  ],
  ["noreply swallows errors too", "set a 0 0 x noreply\r\nincr a x noreply\r\ntouch a x noreply\r\n", ""],
  [
    "flush_all",
    "set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\nflush_all x\r\nflush_all 1 2 3\r\nflush_all 1 x\r\n",
    "STORED\r\nOK\r\nEND\r\nCLIENT_ERROR invalid exptime argument\r\nERROR\r\nOK\r\n",
  ],
  [
    "storage lines that are wrong",
    "set a\r\nset a 0\r\nset a 0 0\r\nset a 0 0 0 0 0\r\nset a x 0 1\r\nset a 0 x 1\r\nset a 0 0 x\r\nset a 0 0 -1\r\nset a -1 0 1\r\n",
    `${"ERROR\r\n".repeat(4)}${BAD_FORMAT.repeat(5)}`,
  ],
  [
    "numbers wrap and have signs",
    "set a 4294967296 0 1\r\n1\r\nset b +7 +0 +1\r\n1\r\nget a b\r\n",
    "STORED\r\nSTORED\r\nVALUE a 0 1\r\n1\r\nVALUE b 7 1\r\n1\r\nEND\r\n",
  ],
  ["a value without its end", "set a 0 0 3\r\nabcdef\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n"],
  [
    "a value that is too long",
    `set a 0 0 3\r\nold\r\nset a 0 0 2000000\r\n${"x".repeat(2000000)}\r\nget a\r\n`,
    "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n",
  ],
  [
    "add of a value that is too long leaves the old one",
    `set a 0 0 3\r\nold\r\nadd a 0 0 2000000\r\n${"x".repeat(2000000)}\r\nget a\r\n`,
    "STORED\r\nSERVER_ERROR object too large for cache\r\nVALUE a 0 3\r\nold\r\nEND\r\n",
  ],
  [
    "a value that is too long, with noreply",
    `set a 0 0 2000000 noreply\r\n${"x".repeat(2000000)}\r\nget a\r\n`,
    "END\r\n",
  ],
  ["version", "version\r\nversion 1\r\n", "VERSION 1.6.18\r\nVERSION 1.6.18\r\n"],
  [
    "verbosity",
    "verbosity 0\r\nverbosity\r\nverbosity x\r\nverbosity 0 0 0\r\n",
    `OK\r\nERROR\r\n${BAD_FORMAT}ERROR\r\n`,
  ],
  [
    "unknown words",
    "\r\nx\r\nnonsense\r\nGET a\r\nset\r\nincrement a 1\r\nsetx a 0 0 1\r\ngetx a\r\nbget a\r\nm\r\nmz a\r\n",
    `${"ERROR\r\n".repeat(8)}END\r\nERROR\r\nERROR\r\n`,
  ],
  [
    "stats with wrong words",
    "stats nonsense\r\nstats detail\r\nstats detail x\r\nstats cachedump\r\nstats cachedump x 1\r\nstats cachedump 64 1\r\n",
    `ERROR\r\n${"CLIENT_ERROR usage: stats detail on|off|dump\r\n".repeat(2)}CLIENT_ERROR bad command line\r\n${BAD_FORMAT}CLIENT_ERROR Illegal slab id\r\n`,
  ],
  [
    "lru",
    "lru\r\nlru x\r\nlru mode x\r\nlru mode flat\r\nlru mode segmented\r\nlru temp_ttl x\r\nlru temp_ttl 20\r\nlru temp_ttl -1\r\nlru tune 10 25 0.1 2.0\r\nlru tune 50 50 1 1\r\nlru tune 10 10 0 1\r\nlru tune a b c d\r\nlru tune 20 40 0.2 2.0\r\n",
    "ERROR\r\nERROR\r\nERROR\r\nOK\r\nOK\r\nERROR\r\nOK\r\nOK\r\nOK\r\nERROR hot and warm pcts must not exceed 80\r\nERROR hot/warm age factors must be greater than 0\r\nERROR\r\nOK\r\n",
  ],
  [
    "slabs",
    "slabs\r\nslabs x\r\nslabs automove 3\r\nslabs automove x\r\nslabs automove 0\r\nslabs automove 1\r\nslabs automove ratio\r\nslabs automove ratio 0.8\r\nslabs reassign 1 1\r\nslabs reassign 1 99\r\nslabs reassign x 1\r\n",
    `ERROR\r\nERROR\r\nERROR\r\n${BAD_FORMAT}OK\r\nOK\r\nERROR\r\nOK\r\nSAME src and dst class are identical\r\nBADCLASS invalid src or dst class id\r\n${BAD_FORMAT}`,
  ],
  [
    "lru_crawler",
    "lru_crawler\r\nlru_crawler x\r\nlru_crawler enable\r\nlru_crawler sleep 2000000\r\nlru_crawler sleep x\r\nlru_crawler sleep 100\r\nlru_crawler tocrawl 0\r\nlru_crawler tocrawl x\r\nlru_crawler crawl x\r\nlru_crawler crawl 99\r\n",
    `ERROR\r\nERROR\r\nERROR failed to start lru crawler thread\r\nCLIENT_ERROR sleep must be one second or less\r\n${BAD_FORMAT}OK\r\nOK\r\n${BAD_FORMAT}BADCLASS invalid class id\r\nBADCLASS invalid class id\r\n`,
  ],
  [
    "cache_memlimit",
    "cache_memlimit\r\ncache_memlimit 1\r\ncache_memlimit x\r\ncache_memlimit 4000000000\r\ncache_memlimit 64\r\n",
    "ERROR\r\nMEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\nERROR\r\nMEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\nOK\r\n",
  ],
  ["shutdown is not enabled", "shutdown\r\n", "ERROR: shutdown not enabled\r\n"],
  [
    "many words",
    `set a 0 0 1\r\n1\r\nget ${"a ".repeat(100)}\r\nset ${"a ".repeat(30)}\r\n`,
    `STORED\r\n${"VALUE a 0 1\r\n1\r\n".repeat(100)}END\r\nERROR\r\n`,
  ],
];

async function fresh(connection: ByteConnection): Promise<void> {
  expect(await connection.ask("flush_all\r\n")).toBe("OK\r\n");
}

describe.each(all)("$name", (server) => {
  test.each(rows)("%s", async (_claim, requests, answer) => {
    const connection = await server.open();
    await fresh(connection);
    expect(await connection.ask(requests)).toBe(answer);
    connection.close();
  });

  test("gets and cas", async () => {
    const connection = await server.open();
    await fresh(connection);
    const unique = /^STORED\r\nVALUE a 0 1 (\d+)\r\n1\r\nEND\r\n$/.exec(
      await connection.ask("set a 0 0 1\r\n1\r\ngets a\r\n"),
    )?.[1];
    expect(unique).toBeDefined();
    expect(await connection.ask(`cas a 0 0 1 ${unique}\r\n2\r\ncas a 0 0 1 ${unique}\r\n3\r\nget a\r\n`)).toBe(
      "STORED\r\nEXISTS\r\nVALUE a 0 1\r\n2\r\nEND\r\n",
    );
    connection.close();
  });

  test("a value of a megabyte comes back as it was", async () => {
    const connection = await server.open();
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

  test.each(["quit\r\n", "GET / HTTP/1.1\r\n", `set ${"x".repeat(3000)}`, " ".repeat(3000)])(
    "%j ends the connection without a word",
    async (said) => {
      const connection = await server.open();
      connection.write(said);
      expect(await connection.rest()).toBe("");
    },
  );

  test("flush_all with a delay flushes then", async () => {
    const connection = await server.open();
    await fresh(connection);
    expect(await connection.ask("set a 0 0 1\r\n1\r\nflush_all 2\r\nget a\r\n")).toBe(
      "STORED\r\nOK\r\nVALUE a 0 1\r\n1\r\nEND\r\n",
    );
    await expect.poll(() => connection.ask("get a\r\n"), { timeout: 10_000 }).toBe("END\r\n");
    connection.close();
  });

  test("cachedump and metadump name the items", async () => {
    const connection = await server.open();
    await fresh(connection);
    await connection.ask("set one%two 0 0 3\r\nabc\r\nset three 0 0 4\r\nabcd\r\n");
    connection.write("lru_crawler metadump all\r\n");
    const dump = await connection.until("END\r\n");
    expect(dump).toMatch(/^key=one%25two exp=-1 la=\d+ cas=\d+ fetch=no cls=\d+ size=\d+$/m);
    expect(dump).toMatch(/^key=three exp=-1 la=\d+ cas=\d+ fetch=no cls=\d+ size=\d+$/m);
    // The connection is heard again.
    connection.write("get three\r\n");
    expect(await connection.until("END\r\n")).toBe("VALUE three 0 4\r\nabcd\r\n");
    connection.close();
  });
});
