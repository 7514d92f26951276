/**
 * The memcached image in several shards: to a client it is one memcached, over every protocol.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import memjs from "memjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boot, type Machine, type ShardedMachine } from "../../../host/index.ts";
import { type Random, randomFor } from "../../random.ts";
import { ByteConnection } from "./byte-connection.ts";

const SHARDS = 3;
let sharded: ShardedMachine;
let port: number;

beforeAll(async () => {
  sharded = await boot("memcached", { shards: SHARDS, publish: { 11211: 0 }, args: ["-U", "11211", "-m", "96"] });
  port = sharded.port(11211);
});
afterAll(async () => {
  expect((await sharded.stop()).code).toBe(0);
});

/** Sends `bytes` in pieces; what comes back up to the end of the connection. */
async function exchange(machine: Machine | ShardedMachine, bytes: Buffer, random: Random | null): Promise<Buffer> {
  const socket = connect({ port: machine.port(11211), host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = once(socket, "end");
  for (let at = 0; at < bytes.length; ) {
    const n = random ? 1 + random.below(random.oneIn(4) ? 20_000 : 200) : bytes.length;
    if (!socket.write(bytes.subarray(at, at + n))) await once(socket, "drain");
    if (random?.oneIn(3)) await new Promise((resolve) => setImmediate(resolve));
    at += n;
  }
  await ended;
  socket.destroy();
  return Buffer.concat(chunks);
}

/** Cas numbers are each shard's own: they count as equal. */
function withoutCas(answers: Buffer): Buffer {
  if (answers[0] !== 0x81) {
    const text = answers.toString("latin1").replace(/^(VALUE \S+ \d+ \d+) \d+\r$/gm, "$1\r");
    return Buffer.from(text, "latin1");
  }
  for (let at = 0; at + 24 <= answers.length; at += 24 + answers.readUInt32BE(at + 8))
    answers.fill(0, at + 16, at + 24);
  return answers;
}

/** Where two answers differ, as text. */
function difference(gotBytes: Buffer, wantedBytes: Buffer): string | null {
  const [got, wanted] = [withoutCas(gotBytes), withoutCas(wantedBytes)];
  if (got.equals(wanted)) return null;
  let at = 0;
  while (got[at] === wanted[at]) at++;
  const around = (bytes: Buffer): string => JSON.stringify(bytes.toString("latin1", Math.max(0, at - 80), at + 80));
  return `at ${at} of ${got.length}/${wanted.length}: ${around(got)} instead of ${around(wanted)}`;
}

function textRequests(random: Random, count: number): Buffer {
  const key = (): string => `key${random.below(40)}`;
  const data = (): string => "d".repeat(random.oneIn(12) ? random.below(60_000) : random.below(60));
  const noreply = (): string => (random.oneIn(6) ? " noreply" : "");
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const store = (verb: string): string => {
    const value = random.oneIn(2) ? String(random.below(1000)) : data();
    return `${verb} ${key()} ${random.below(9)} 0 ${value.length}${noreply()}\r\n${value}\r\n`;
  };
  const makers: (() => string)[] = [
    () => store("set"),
    () => store("set"),
    () => store(random.pick(["add", "replace", "append", "prepend"])),
    () => `get ${key()}\r\n`,
    () => `get ${Array.from({ length: 1 + random.below(30) }, key).join(" ")}\r\n`,
    () => `gets ${key()} ${key()}\r\n`,
    () => `gat 1000 ${key()} ${key()} ${key()}\r\n`,
    () => `gat -1 ${key()}\r\n`,
    () => `incr ${key()} ${random.below(9)}${noreply()}\r\n`,
    () => `decr ${key()} ${random.below(9)}${noreply()}\r\n`,
    () => `delete ${key()}${noreply()}\r\n`,
    () => `touch ${key()} 1000${noreply()}\r\n`,
    () => `mg ${key()} v f k s Oabc\r\n`,
    () => `mg ${key()} v q\r\n`,
    () => `mg ${base64(key())} v k b\r\n`,
    () => `ms ${key()} 3 T0 F5\r\nabc\r\n`,
    () => `ms ${base64(key())} 4 b k q\r\nwxyz\r\n`,
    () => `ms ${key()} 2 ME\r\nab\r\n`,
    () => `md ${key()} q\r\n`,
    () => `md ${key()}\r\n`,
    () => `ma ${key()} N0 J7 v\r\n`,
    () => `ma ${key()} v D2\r\n`,
    () => "mn\r\n",
    () => "version\r\n",
    () => `set ${key()} 0 0 2000000\r\n${"x".repeat(2_000_000)}\r\n`,
    () => `set ${key()} 0 0 3\r\nabcdef\r\n`,
    () => `set ${"k".repeat(251)} 0 0 1\r\na\r\n`,
    () => `get ${"k".repeat(251)}\r\n`,
    () => `get ${key()} ${"k".repeat(251)}\r\n`,
    () => `incr ${key()} x\r\n`,
    () => `set ${key()} 0 0 -1\r\n`,
    () => "nonsense\r\n",
    () => "verbosity 0\r\n",
    () => (random.oneIn(10) ? "flush_all\r\n" : "mn\r\n"),
    () => `get ${Array.from({ length: 800 }, key).join(" ")}\r\n`,
  ];
  const texts = Array.from({ length: count }, () => {
    const maker = random.pick(makers);
    return makers.indexOf(maker) === 24 && !random.oneIn(6) ? "mn\r\n" : maker();
  });
  return Buffer.from(`${texts.join("")}quit\r\n`, "latin1");
}

function binaryRequest(opcode: number, key: string, extras: Buffer, value: string, opaque: number): Buffer {
  const head = Buffer.alloc(24);
  head[0] = 0x80;
  head[1] = opcode;
  head.writeUInt16BE(key.length, 2);
  head[4] = extras.length;
  head.writeUInt32BE(extras.length + key.length + value.length, 8);
  head.writeUInt32BE(opaque, 12);
  return Buffer.concat([head, extras, Buffer.from(key), Buffer.from(value)]);
}

function binaryRequests(random: Random, count: number): Buffer {
  const key = (): string => `bin${random.below(40)}`;
  const none = Buffer.alloc(0);
  const parts: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const value = random.oneIn(3)
      ? String(random.below(100))
      : "v".repeat(random.oneIn(9) ? random.below(50_000) : random.below(50));
    const counter = Buffer.alloc(20);
    counter.writeBigUInt64BE(BigInt(random.below(10)), 0);
    counter.writeBigUInt64BE(5n, 8);
    if (random.oneIn(3)) counter.fill(0xff, 16);
    const makers: (() => Buffer)[] = [
      () => binaryRequest(random.pick([0x00, 0x09, 0x0c, 0x0d]), key(), none, "", i),
      () => binaryRequest(random.pick([0x01, 0x11, 0x02, 0x12, 0x03, 0x13]), key(), Buffer.alloc(8), value, i),
      () => binaryRequest(random.pick([0x0e, 0x19, 0x0f, 0x1a]), key(), none, value, i),
      () => binaryRequest(random.pick([0x05, 0x15, 0x06, 0x16]), key(), counter, "", i),
      () => binaryRequest(random.pick([0x04, 0x14]), key(), none, "", i),
      () => binaryRequest(random.pick([0x1c, 0x1d, 0x1e]), key(), Buffer.from([0, 0, 3, 0]), "", i),
      () => binaryRequest(0x0a, "", none, "", i),
      () => binaryRequest(0x0b, "", none, "", i),
      () => binaryRequest(random.oneIn(20) ? 0x08 : 0x0a, "", none, "", i),
      () => binaryRequest(0x55, "", none, "", i),
    ];
    parts.push(random.pick(makers)());
  }
  parts.push(binaryRequest(0x07, "", none, "", 0));
  return Buffer.concat(parts);
}

describe("memcached in shards", () => {
  it("answers byte for byte what one machine answers, text and meta, however requests are cut", {
    timeout: 60_000,
  }, async () => {
    await sameAnswers("memcached shards, text", textRequests, 150, 12);
  });

  it("answers byte for byte what one machine answers, binary", { timeout: 60_000 }, async () => {
    await sameAnswers("memcached shards, binary", binaryRequests, 400, 8);
  });

  async function sameAnswers(
    what: string,
    requests: (random: Random, count: number) => Buffer,
    count: number,
    rounds: number,
  ): Promise<void> {
    const random = randomFor(what);
    const args = ["-m", "1024"]; // room for a page of every class in every shard: nothing is evicted
    const one = await boot("memcached", { publish: { 11211: 0 }, args });
    const many = await boot("memcached", { shards: SHARDS, publish: { 11211: 0 }, args });
    try {
      for (let round = 0; round < rounds; round++) {
        const bytes = requests(random, count);
        const [wanted, got] = [await exchange(one, bytes, null), await exchange(many, bytes, random)];
        expect(difference(got, wanted), `round ${round}`).toBe(null);
      }
    } finally {
      await Promise.all([one.stop(), many.stop()]);
    }
  }

  it("keeps cas numbers good from any connection", async () => {
    for (let i = 0; i < 20; i++) {
      const a = await ByteConnection.open(port);
      const b = await ByteConnection.open(port);
      expect(await a.ask(`set cas${i} 0 0 1\r\na\r\n`)).toBe("STORED\r\n");
      const cas = /VALUE \S+ 0 1 (\d+)/.exec(await a.ask(`gets cas${i}\r\n`))?.[1];
      expect(await b.ask(`cas cas${i} 0 0 1 ${cas}\r\nb\r\n`)).toBe("STORED\r\n");
      expect(await a.ask(`cas cas${i} 0 0 1 ${cas}\r\nc\r\n`)).toBe("EXISTS\r\n");
      a.close();
      b.close();
    }
  });

  it("adds up what its shards count", async () => {
    const machine = await boot("memcached", { shards: SHARDS, publish: { 11211: 0 }, args: ["-m", "96"] });
    const c = await ByteConnection.open(machine.port(11211));
    expect(await c.ask("stats reset\r\n")).toBe("RESET\r\n");
    for (let i = 0; i < 100; i++) expect(await c.ask(`set s${i} 0 0 1\r\na\r\n`)).toBe("STORED\r\n");
    for (let i = 0; i < 50; i++) await c.ask(`get s${i} miss${i}\r\n`);
    const stats = await c.ask("stats\r\n");
    const stat = (name: string): number => Number(new RegExp(`^STAT ${name} (\\d+)\r$`, "m").exec(stats)?.[1]);
    expect([stat("curr_items"), stat("cmd_set"), stat("cmd_get"), stat("get_hits"), stat("get_misses")]).toEqual([
      100, 100, 100, 50, 50,
    ]);
    expect([stat("limit_maxbytes"), stat("curr_connections"), stat("threads")]).toEqual([96 << 20, 1, 4]);
    expect(stats.match(/^STAT pid /gm)?.length).toBe(1);
    const items = await c.ask("stats items\r\n");
    expect(/^STAT items:1:number 100\r$/m.test(items)).toBe(true);
    expect((await c.ask("stats conns\r\n")).match(/END\r\n/g)?.length).toBe(1);
    expect(await c.ask("stats nonsense\r\n")).toBe("ERROR\r\n");
    expect(await c.ask("cache_memlimit 48\r\n")).toBe("OK\r\n");
    expect(await c.ask("lru_crawler metadump all\r\n")).toBe("ERROR metadump not allowed\r\n");
    expect(await c.ask("flush_all noreply\r\nget s1 s2 s3 s4 s5\r\n")).toBe("END\r\n");
    c.close();
    await machine.stop();
  });

  it("sends the answers of a pipeline at once, whichever shards they come from", async () => {
    const c = await ByteConnection.open(port);
    const keys = Array.from({ length: 24 }, (_, i) => `piece${i}`);
    for (const key of keys) await c.ask(`set ${key} 0 0 300\r\n${key.padEnd(300, ".")}\r\n`);
    c.close();
    const wanted = keys.map((key) => `VALUE ${key} 0 300\r\n${key.padEnd(300, ".")}\r\nEND\r\n`).join("");
    // A connection without a host socket: what the guest sends in one piece arrives in one.
    for (let shard = 0; shard < SHARDS; shard++) {
      const stream = sharded.connect(11211);
      const pieces: Buffer[] = [];
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.write(keys.map((key) => `get ${key}\r\n`).join(""));
      await expect.poll(() => Buffer.concat(pieces).toString("latin1"), { timeout: 20_000 }).toBe(wanted);
      expect(pieces.length).toBe(1);
      stream.destroy();
    }
  });

  it("serves a real client", async () => {
    const client = memjs.Client.create(`127.0.0.1:${port}`);
    for (let i = 0; i < 50; i++) expect(await client.set(`lib${i}`, `value ${i}`, {})).toBe(true);
    for (let i = 0; i < 50; i++) expect(String((await client.get(`lib${i}`)).value)).toBe(`value ${i}`);
    client.close();
  });

  it("answers datagrams whose keys are everywhere", async () => {
    const c = await ByteConnection.open(port);
    const keys = Array.from({ length: 30 }, (_, i) => `udp${i}`);
    for (const key of keys) await c.ask(`set ${key} 0 0 ${key.length}\r\n${key}\r\n`);
    c.close();
    const socket = createSocket("udp4");
    const ask = async (id: number, request: string): Promise<string> => {
      const frame = Buffer.from([id >> 8, id & 255, 0, 0, 0, 1, 0, 0]);
      socket.send(Buffer.concat([frame, Buffer.from(request)]), port, "127.0.0.1");
      const [answer] = (await once(socket, "message")) as [Buffer];
      expect(answer.readUInt16BE(0)).toBe(id);
      expect(answer.readUInt16BE(4)).toBe(1);
      return answer.toString("latin1", 8);
    };
    for (let i = 0; i < 20; i++) {
      const key = keys[i] as string;
      expect(await ask(i, `get ${key}\r\n`)).toBe(`VALUE ${key} 0 ${key.length}\r\n${key}\r\nEND\r\n`);
    }
    const wanted = keys.slice(0, 20).map((key) => `VALUE ${key} 0 ${key.length}\r\n${key}\r\n`);
    expect(await ask(77, `get ${keys.slice(0, 20).join(" ")}\r\n`)).toBe(`${wanted.join("")}END\r\n`);
    socket.close();
  });

  it("lives on when clients go away with requests out, and bounds what one may have out", async () => {
    const c = await ByteConnection.open(port);
    for (let i = 0; i < 40; i++) await c.ask(`set big${i} 0 0 100000\r\n${"x".repeat(100_000)}\r\n`);
    const line = `get ${Array.from({ length: 40 }, (_, i) => `big${i}`).join(" ")}\r\n`;
    const sockets: Socket[] = [];
    for (let i = 0; i < 30; i++) {
      const socket = connect({ port, host: "127.0.0.1" });
      sockets.push(socket);
      await once(socket, "connect");
      socket.on("error", () => {});
      socket.write(line.repeat(5));
      if (i % 3 === 0) socket.write("set half 0 0 5000\r\nabc");
      if (i % 3 !== 1) socket.destroy();
    }
    // Those who do not read hold nothing up.
    expect(await c.ask("set after 0 0 1\r\na\r\n")).toBe("STORED\r\n");
    expect(await c.ask("get after\r\n")).toBe("VALUE after 0 1\r\na\r\nEND\r\n");
    for (const socket of sockets) socket.destroy();
    const many = "get big1\r\n".replace("big1", "none").repeat(20_000);
    expect((await c.ask(many)).match(/END\r\n/g)?.length).toBe(20_000);
    c.close();
  });
});
