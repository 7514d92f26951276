/**
 * Random requests, cut at random places, to the guest and to Debian's memcached: equal bytes come back. A failure names its seed
 * (SEED=n repeats it). Without Debian's memcached the guest is compared with itself, fed a byte at a time.
 */
import { expect, test } from "vitest";
import { type Random, randomFor } from "../../random.ts";
import { startNativeMemcached } from "../../server-process.ts";
import * as B from "./binary-packet.ts";
import { count, packet, store, words } from "./binary-packet.ts";
import { ByteConnection } from "./byte-connection.ts";
import { bootMemcached } from "./memcached-machine.ts";
import { hasNative } from "./servers.ts";

const ROUNDS = 40;
const REQUESTS = 150;

function key(random: Random): string {
  return random.oneIn(40) ? "k".repeat(249 + random.below(4)) : random.pick(["a", "b", "c", "n", "longer:key", "x:y"]);
}

function number(random: Random): string {
  return random.oneIn(6)
    ? random.pick(["-1", "+3", "x", "18446744073709551615", "18446744073709551616", "4294967296", "1x", "00", "-0", ""])
    : String(random.below(200));
}

/** Never a point in time that may be reached while the test runs. */
function expiry(random: Random): string {
  return random.oneIn(8) ? random.pick(["-1", "x", "3000000000", "2592001"]) : random.pick(["0", "0", "500000"]);
}

function value(random: Random): string {
  if (random.oneIn(4)) return String(random.below(1000));
  const length = random.below(random.oneIn(10) ? 500 : 60);
  return random.pick(["v", "\r\nv", "\0", "0", " 1"]).repeat(length);
}

/**
 * The lines of storage commands may be wrong, and then their values are lines: those must be short. This one is right. Its key is its
 * own: counting in a value that is on its way to a client makes a new item, where memcached, asked one by one, changes the old one.
 */
function longStorage(random: Random): string {
  const data = value(random).padEnd(random.below(60_000), "long");
  return `set ${random.pick(["long1", "long2"])} 0 0 ${data.length}\r\n${data}\r\n`;
}

function storage(random: Random): string {
  if (random.oneIn(10)) return longStorage(random);
  const data = value(random);
  const length = random.oneIn(30) ? Math.max(0, data.length - random.below(3)) : data.length;
  const op = random.pick(["set", "set", "add", "replace", "append", "prepend", "cas"]);
  const unique = op === "cas" ? ` ${random.below(60)}` : "";
  const quiet = random.oneIn(5) ? " noreply" : "";
  return `${op} ${key(random)} ${number(random)} ${expiry(random)} ${length}${unique}${quiet}\r\n${data}\r\n`;
}

function metaFlags(random: Random, letters: string): string {
  let flags = "";
  for (let n = random.below(5); n > 0; n--) {
    const letter = random.pick([...letters]);
    flags += ` ${letter}`;
    if (letter === "T" || letter === "N" || letter === "R") flags += expiry(random);
    else if (letter === "O") flags += "o".repeat(random.below(40));
    else if (letter === "C" || letter === "J" || letter === "D" || letter === "F") flags += number(random);
    else if (letter === "M") flags += random.pick(["S", "E", "A", "P", "R", "I", "D", "+", "-", "x", ""]);
  }
  return flags;
}

function meta(random: Random): string {
  const data = value(random);
  switch (random.below(6)) {
    case 0:
      return `ms ${key(random)} ${data.length}${metaFlags(random, "FTOkcqCMIbX")}\r\n${data}\r\n`;
    case 1:
      return `md ${key(random)}${metaFlags(random, "OkqCITv")}\r\n`;
    case 2:
      return `ma ${key(random)}${metaFlags(random, "OkqCTNJDMtcv")}\r\n`;
    case 3:
      return `me ${key(random)}\r\n`;
    default:
      return `mg ${key(random)}${metaFlags(random, "vkOscfqTNRtu")}\r\n`;
  }
}

function text(random: Random): string {
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return storage(random);
    case 3:
    case 4:
      return `${random.pick(["get", "gets"])} ${random.pick(["a", "b c", "a a n", "x:y  longer:key ", "none", "long1", "long2 a long1"])}\r\n`;
    case 5:
      return `${random.pick(["incr", "decr"])} ${key(random)} ${number(random)}${random.oneIn(4) ? " noreply" : ""}\r\n`;
    case 6:
      return `delete ${key(random)}${random.pick(["", "", " 0", " noreply", " 5"])}\r\n`;
    case 7:
      return random.oneIn(2)
        ? `touch ${key(random)} ${expiry(random)}\r\n`
        : `${random.pick(["gat", "gats"])} ${expiry(random)} a b\r\n`;
    case 8:
      return random.pick([
        "version\r\n",
        "nonsense\r\n",
        "\r\n",
        "get\r\n",
        "verbosity 0\r\n",
        "flush_all\r\n",
        "set a 0 0\r\n",
        "a b c\n",
      ]);
    default:
      return meta(random);
  }
}

const textEnd = "mn\r\n";
const textEndAnswer = "MN\r\n";

function binary(random: Random): Buffer {
  const name = random.pick(["a", "b", "n", "longer:key"]);
  const cas = random.oneIn(5) ? BigInt(random.below(60)) : 0n;
  const quiet = random.oneIn(4);
  switch (random.below(8)) {
    case 0:
    case 1:
      return packet(random.pick(quiet ? [B.SETQ, B.ADDQ, B.REPLACEQ] : [B.SET, B.ADD, B.REPLACE]), {
        key: name,
        value: value(random),
        extras: store(random.below(1000), random.pick([0, 500_000])),
        cas,
      });
    case 2:
      return packet(random.pick(quiet ? [B.APPENDQ, B.PREPENDQ] : [B.APPEND, B.PREPEND]), {
        key: name,
        value: value(random),
        cas,
      });
    case 3:
      return packet(random.pick(quiet ? [B.INCREMENTQ, B.DECREMENTQ] : [B.INCREMENT, B.DECREMENT]), {
        key: name,
        extras: count(BigInt(random.below(100)), BigInt(random.below(100)), random.pick([0, 0xffffffff, 500_000])),
        cas,
      });
    case 4:
      return packet(quiet ? B.DELETEQ : B.DELETE, { key: name, cas });
    case 5:
      return packet(random.pick([B.TOUCH, B.GAT, B.GATK, B.GATQ]), {
        key: name,
        extras: words(random.pick([0, 500_000])),
      });
    case 6:
      return random.pick([
        packet(B.VERSION),
        packet(B.NOOP),
        packet(0x60),
        packet(B.FLUSH),
        packet(B.STAT, { key: "reset" }),
      ]);
    default:
      return packet(random.pick([B.GET, B.GETK, B.GETQ, B.GETKQ]), { key: name });
  }
}

const binaryEnd = packet(B.NOOP, { opaque: 0x7fffffff });
const binaryEndAnswer = `\x81${binaryEnd.toString("latin1").slice(1)}`;

/** Seconds left or passed may differ by what passed between the two servers. */
function tidy(answer: string): string {
  return answer.replaceAll(/ la=\d+/g, " la=#").replaceAll(/ (t|exp=-)(4999\d\d|500000)\b/g, " $1#");
}

/** Asks one request after the other: an answer that is still to be sent holds its item, which changes how memcached counts in it. */
async function oneByOne(
  connection: ByteConnection,
  requests: Buffer[],
  end: Buffer,
  endAnswer: string,
): Promise<string[]> {
  const answers: string[] = [];
  for (const request of requests) {
    try {
      answers.push(await exchange(connection, Buffer.concat([request, end]), endAnswer, new Set()));
    } catch (error) {
      throw new Error(`${JSON.stringify(request.toString("latin1"))}: ${error}`);
    }
  }
  return answers;
}

/** Sends the bytes in pieces and waits for the answer that ends with `end`. */
async function exchange(connection: ByteConnection, bytes: Buffer, end: string, cuts: Set<number>): Promise<string> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    connection.write(bytes.subarray(from, cut));
    from = cut;
    await new Promise((resolve) => setImmediate(resolve));
  }
  connection.write(bytes.subarray(from));
  return connection.until(end);
}

async function compare(what: string, make: (random: Random) => Buffer, end: Buffer, endAnswer: string): Promise<void> {
  const random = randomFor(what);
  // memcached's maintainer holds items now and then, which changes how memcached counts in them: without it.
  const args = ["-o", "no_lru_maintainer"];
  const guest = await bootMemcached(args);
  const other = hasNative ? await startNativeMemcached(["-t", "1", ...args]) : await bootMemcached(args);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const requests = Array.from({ length: REQUESTS }, () => make(random));
      const bytes = Buffer.concat([...requests, end]);
      const a = await ByteConnection.open(guest.port);
      const b = await ByteConnection.open(other.port);
      const cuts = new Set(Array.from({ length: random.below(20) }, () => random.below(bytes.length)));
      const [whole, single] = await Promise.all([
        exchange(a, bytes, endAnswer, cuts),
        oneByOne(b, requests, end, endAnswer),
      ]);
      let mine = tidy(whole);
      for (const [index, answer] of single.entries()) {
        const theirs = tidy(answer);
        if (!mine.startsWith(theirs)) {
          const before = requests.slice(Math.max(0, index - 5), index + 1).map((request) => request.toString("latin1"));
          let at = 0;
          while (mine[at] === theirs[at]) at++;
          const around = (answer: string): string => JSON.stringify(answer.slice(Math.max(0, at - 100), at + 100));
          expect.fail(
            `seed ${random.seed}, round ${round}: ${before.map((request) => JSON.stringify(request)).join("\n")}\n` +
              `guest ${around(mine)}\nother ${around(theirs)}`,
          );
        }
        mine = mine.slice(theirs.length);
      }
      expect(mine).toBe("");
      a.close();
      b.close();
    }
  } finally {
    await guest.stop();
    await other.stop();
  }
}

test("text and meta commands", () =>
  compare("memcached text", (random) => Buffer.from(text(random), "latin1"), Buffer.from(textEnd), textEndAnswer));

test("binary", () => compare("memcached binary", binary, binaryEnd, binaryEndAnswer));
