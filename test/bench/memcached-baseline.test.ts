/** The plain Node memcached that the benchmark compares with is an honest opponent: it answers as memcached does, forgets what is due, stays within its limit. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { seededRandom, testSeed } from "../guests/redis/redis-machine.ts";
import { missingProgram, type ServerProcess, startBaselineMemcached, startNativeMemcached } from "../server-process.ts";
import { Session } from "./baseline/memcached-protocol.ts";
import { Item, Store } from "./baseline/memcached-store.ts";

const running: ServerProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.kill()));
});
async function started(server: Promise<ServerProcess>): Promise<ServerProcess> {
  const process = await server;
  running.push(process);
  return process;
}

/** Every request is followed by one whose answer marks the end of the replies, with and without `noreply`. */
const mark = "CLIENT_ERROR invalid numeric delta argument\r\n";
async function ask(socket: Socket, request: string): Promise<string> {
  socket.write(`${request}incr mark x\r\n`, "latin1");
  let text = "";
  while (!text.endsWith(mark)) text += ((await once(socket, "data")) as [Buffer])[0].toString("latin1");
  return text.slice(0, -mark.length);
}

const noNative = missingProgram("memcached");
if (noNative) console.log(`memcached baseline: ${noNative}; apt-get install memcached enables this test`);

test.skipIf(noNative)(
  "the baseline answers 20,000 random requests as memcached does",
  { timeout: 60_000 },
  async () => {
    const seed = testSeed();
    console.log(`memcached baseline: TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    const servers = [
      await started(startBaselineMemcached()),
      await started(startNativeMemcached(["-t", "1"])),
    ] as const;
    const sockets = servers.map(({ port }) => connect({ port, host: "127.0.0.1" }).setNoDelay(true));
    const key = (): string => `k${random(12)}`;
    const value = (): string => (random(3) === 0 ? String(random(100_000)) : "v".repeat(random(40)));
    const exptime = (): number => [0, 0, 0, 1000, 2_000_000_000, -1][random(6)] ?? 0;
    const quiet = (): string => (random(5) === 0 ? " noreply" : "");
    const store = (): string => ["set", "set", "add", "replace", "append", "prepend"][random(6)] ?? "set";
    const withValue = (head: (bytes: number) => string): string => {
      const text = value();
      return `${head(text.length)}\r\n${text}\r\n`;
    };
    const requests: (() => string)[] = [
      () => withValue((bytes) => `${store()} ${key()} ${random(1000)} ${exptime()} ${bytes}${quiet()}`),
      () => withValue((bytes) => `set ${key()} ${random(1000)} 0 ${bytes}`),
      () => `get ${key()}\r\n`,
      () => `get ${key()} ${key()}  ${key()} \r\n`,
      () => `gat ${exptime()} ${key()} ${key()}\r\n`,
      () => `incr ${key()} ${random(1000)}${quiet()}\r\n`,
      () => `decr ${key()} ${random(1000)}\r\n`,
      () => `incr ${key()} 18446744073709551615\r\n`,
      () => `touch ${key()} ${exptime()}${quiet()}\r\n`,
      () => `delete ${key()}${quiet()}\r\n`,
      () => `delete ${key()} 0\r\n`,
      () => (random(50) === 0 ? `flush_all${quiet()}\r\n` : "get k1\n"),
      () => ["nonsense\r\n", "get\r\n", "gets\r\n", "touch k1\r\n", "verbosity 1\r\n", "delete\r\n"][random(6)] ?? "",
      () => `set ${"k".repeat(251)} 0 0 1\r\n`,
      () => `get ${"k".repeat(251)}\r\n`,
      () => `set k1 0 0 3\r\n${"x".repeat(3 + random(5))}y\r\n`,
      () => `set k1 a 0 0\r\n`,
      () => `delete k1 5\r\n`,
    ];
    for (let round = 0; round < 20_000; round++) {
      const request = requests[random(requests.length)]?.() ?? "";
      const [ours, theirs] = await Promise.all(sockets.map((socket) => ask(socket, request)));
      expect(ours, `seed ${seed}, round ${round}: ${JSON.stringify(request)}`).toBe(theirs);
    }
    for (const socket of sockets) socket.destroy();
  },
);

test("cas: stored with the number that gets told, refused with another one", async () => {
  const { port } = await started(startBaselineMemcached());
  const socket = connect({ port, host: "127.0.0.1" });
  expect(await ask(socket, "cas k 0 0 1 1\r\na\r\n")).toBe("NOT_FOUND\r\n");
  expect(await ask(socket, "set k 7 0 1\r\na\r\n")).toBe("STORED\r\n");
  const unique = /^VALUE k 7 1 (\d+)\r\na\r\nEND\r\n$/.exec(await ask(socket, "gets k\r\n"))?.[1];
  expect(await ask(socket, `cas k 0 0 1 ${unique}\r\nb\r\n`)).toBe("STORED\r\n");
  expect(await ask(socket, `cas k 0 0 1 ${unique}\r\nc\r\n`)).toBe("EXISTS\r\n");
  expect(await ask(socket, "gats 0 k\r\n")).toMatch(/^VALUE k 0 1 \d+\r\nb\r\nEND\r\n$/);
  socket.destroy();
});

test("a value in many chunks, one too large, a line without an end", async () => {
  const { port } = await started(startBaselineMemcached());
  const socket = connect({ port, host: "127.0.0.1" }).setNoDelay(true);
  const large = "l".repeat(1024 * 1024 - 100);
  expect(await ask(socket, `set k 0 0 ${large.length}\r\n${large}\r\n`)).toBe("STORED\r\n");
  expect(await ask(socket, "get k\r\n")).toBe(`VALUE k 0 ${large.length}\r\n${large}\r\nEND\r\n`);
  const tooLarge = "t".repeat(3 * 1024 * 1024);
  expect(await ask(socket, `set k 0 0 ${tooLarge.length}\r\n${tooLarge}\r\n`)).toBe(
    "SERVER_ERROR object too large for cache\r\n",
  );
  expect(await ask(socket, "get k\r\n")).toBe("END\r\n");
  const closed = once(socket, "close");
  socket.write("x".repeat(10_000));
  await closed;
});

test("UDP: one datagram, and a reply in several", async () => {
  const { port } = await started(startBaselineMemcached());
  const socket = createSocket("udp4");
  const request = (id: number, text: string): void =>
    socket.send(Buffer.concat([Buffer.from([0, id, 0, 0, 0, 1, 0, 0]), Buffer.from(text)]), port, "127.0.0.1");
  const next = async (): Promise<Buffer> => ((await once(socket, "message")) as [Buffer])[0];
  request(1, `set k 0 0 3000\r\n${"v".repeat(3000)}\r\n`);
  expect((await next()).toString("latin1")).toBe("\0\u0001\0\0\0\u0001\0\0STORED\r\n");
  const parts: Buffer[] = [];
  socket.on("message", (part) => parts.push(part));
  request(2, "get k\r\n");
  while (parts.length < 3) await next();
  expect(parts.map((part) => [...part.subarray(0, 6)])).toEqual([0, 1, 2].map((index) => [0, 2, 0, index, 0, 3]));
  const payload = Buffer.concat(parts.map((part) => part.subarray(8))).toString();
  expect(payload).toBe(`VALUE k 0 3000\r\n${"v".repeat(3000)}\r\nEND\r\n`);
  socket.close();
});

test("items expire when they are due, read or not; a delayed flush_all comes when it is due", () => {
  const store = new Store(2 ** 30);
  const session = new Session(store);
  const say = (text: string): string => session.push(Buffer.from(text));
  say("set a 0 10 1\r\n1\r\nset b 0 0 1\r\n1\r\nset c 0 -1 1\r\n1\r\n");
  expect(say("get a b c\r\n")).toBe("VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n1\r\nEND\r\n");
  store.now += 10;
  expect(say("get a b\r\n")).toBe("VALUE b 0 1\r\n1\r\nEND\r\n");
  say("set d 0 10 1\r\n1\r\nflush_all 5\r\n");
  store.now += 5;
  expect(say("get b d\r\n")).toBe("END\r\n");
  say("set e 0 1 1\r\n1\r\n");
  const item = store.items.get("e") as Item;
  item.deadline = 1;
  // The crawler finds it without anybody asking.
  store.tick();
  expect([store.items.size, store.bytes]).toEqual([0, 0]);
});

test("the memory limit holds; what was read stays longer", () => {
  const store = new Store(100_000);
  store.set("hot", new Item("v".repeat(100), 0, 0));
  for (let index = 0; index < 5000; index++) {
    const hot = store.get("hot");
    if (hot) hot.fetched = true;
    store.set(`key${index}`, new Item("v".repeat(100), 0, 0));
    expect(store.bytes).toBeLessThanOrEqual(100_000);
  }
  expect(store.get("hot")).toBeDefined();
  expect(store.get("key4999")).toBeDefined();
  expect(store.get("key0")).toBeUndefined();
  expect(store.evictions).toBeGreaterThan(4000);
});
