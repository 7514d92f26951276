/** `watch`: the log as memcached writes it, line for line, and watchers that do not read, of whom nothing may be kept without bound. */
import { describe, expect, test } from "vitest";
import { boot } from "../../../host/index.ts";
import * as B from "./binary-packet.ts";
import { packet, store } from "./binary-packet.ts";
import { ByteConnection } from "./byte-connection.ts";
import { bootMemcached, sharedMemcached } from "./memcached-machine.ts";
import { servers } from "./servers.ts";

const all = await servers();

interface Opener {
  open(): Promise<ByteConnection>;
}

async function watcher(server: Opener, kinds: string): Promise<ByteConnection> {
  const connection = await server.open();
  connection.write(`watch${kinds && ` ${kinds}`}\r\n`);
  expect(await connection.until("\r\n")).toBe("OK");
  return connection;
}

/** `count` lines, without what is different each time. */
async function lines(connection: ByteConnection, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) {
    const line = await connection.until("\n");
    expect(line).toMatch(/^ts=\d+\.\d{1,6} gid=\d+ type=/);
    got.push(line.replace(/^ts=\S+ gid=\d+ /, "").replace(/(cfd|rport)=\d+/g, "$1=N"));
  }
  return got;
}

async function stat(connection: ByteConnection, name: string): Promise<number> {
  return Number(new RegExp(`^STAT ${name} (\\d+)\r$`, "m").exec(await connection.ask("stats\r\n"))?.[1]);
}

describe.each(all)("$name", (server) => {
  test("fetchers and mutations: what was asked for, what came of it, and by whom", async () => {
    const watching = await watcher(server, "fetchers mutations");
    const client = await server.open();
    const get = (key: string, status: string, rest: string): string =>
      `type=item_get key=${key} status=${status} ${rest}`;
    const put = (status: string, cmd: string, ttl: number, size: number, clsid = 1): string =>
      `type=item_store key=w status=${status} cmd=${cmd} ttl=${ttl} clsid=${clsid} cfd=N size=${size}`;
    const missed = "clsid=0 cfd=N size=0";
    const found = (size: number): string => `clsid=1 cfd=N size=${size}`;
    const steps: [string, string[]][] = [
      ["get w\r\n", [get("w", "not_found", missed)]],
      ["set w 0 0 3\r\nabc\r\n", [get("w", "not_found", missed), put("stored", "set", 0, 3)]],
      ["get w none\r\n", [get("w", "found", found(3)), get("none", "not_found", missed)]],
      ["add w 0 0 1\r\nx\r\n", [get("w", "found", found(3)), put("not_stored", "add", 0, 1)]],
      ["append w 0 0 2\r\nde\r\n", [get("w", "found", found(3)), put("stored", "append", 0, 5)]],
      ["prepend w 0 0 1\r\n1\r\n", [get("w", "found", found(5)), put("stored", "prepend", 0, 6)]],
      ["cas w 0 0 1 1\r\n5\r\n", [get("w", "found", found(6)), put("exists", "cas", 0, 1)]],
      ["replace w 0 100 1\r\n5\r\n", [get("w", "found", found(6)), put("stored", "replace", 100, 1)]],
      ["incr w 2\r\n", [get("w", "found", found(1))]],
      ["touch w 0\r\n", [get("w", "found", found(1))]],
      ["mg w v\r\n", [get("w", "found", found(1))]],
      ["ms w 2 T50\r\nhi\r\n", [get("w", "found", found(1)), put("stored", "set", 50, 2)]],
      ["delete w\r\n", [get("w", "found", found(2))]],
      ["cas w 0 0 1 1\r\n5\r\n", [get("w", "not_found", missed), put("not_found", "cas", 0, 1)]],
      ["set w 0 -1 1\r\nx\r\nget w\r\n", []],
      ["get a%/~-._\u00e9\r\n", [get("a%25%2F~-._%E9", "not_found", missed)]],
    ];
    for (const [request, expected] of steps) {
      await client.ask(request);
      if (expected.length > 0) expect(await lines(watching, expected.length), request).toEqual(expected);
      else
        expect((await lines(watching, 3)).map((line) => /status=\w+/.exec(line)?.[0])).toEqual([
          "status=not_found",
          "status=stored",
          "status=expired",
        ]);
    }
    const binary = await server.open();
    binary.write(packet(B.SET, { key: "w", value: "bin", extras: store() }));
    binary.write(packet(B.GETQ, { key: "w" }));
    expect(await lines(watching, 3)).toEqual([
      get("w", "not_found", missed),
      put("stored", "set", 0, 3),
      get("w", "found", found(3)),
    ]);
    binary.close();
    client.close();
    watching.close();
  });

  test("by default fetchers; unknown kinds are an error", async () => {
    const watching = await watcher(server, "");
    const client = await server.open();
    await client.ask("set d 0 0 1\r\nx\r\nget d\r\n");
    expect((await lines(watching, 2)).map((line) => line.split(" ")[0])).toEqual(["type=item_get", "type=item_get"]);
    expect(await client.ask("watch nonsense\r\n")).toBe("ERROR\r\n");
    client.close();
    watching.close();
  });

  test("not behind other requests", async () => {
    const client = await server.open();
    client.write("mg none\r\nwatch\r\n");
    expect(await client.until("\r\n")).toBe("EN");
    expect(await client.until("\r\n")).toBe("ERROR cannot pipeline other commands before watch");
    client.close();
  });
});

// Servers of their own: the connections of other tests end when they like.
test.each(await servers())(
  "connections, $name: new, ended by quit, by the client, by a line that no server takes",
  async (server) => {
    const watching = await watcher(server, "connevents");
    const come = "type=conn_new rip=127.0.0.1 rport=N transport=tcp cfd=N";
    const gone = (reason: string): string =>
      `type=conn_close rip=127.0.0.1 rport=N transport=tcp reason=${reason} cfd=N`;
    for (const [words, reason] of [
      ["quit\r\n", "normal"],
      ["version\r\n", "normal"],
      ["GET / HTTP/1.1\r\n", "error"],
    ] as const) {
      const client = await server.open();
      expect(await lines(watching, 1)).toEqual([come]);
      client.write(words);
      if (words.startsWith("version")) client.socket.end();
      expect(await lines(watching, 1)).toEqual([gone(reason)]);
      client.close();
    }
    watching.close();
  },
);

describe("watchers", () => {
  test("are twenty at most, are counted, and leave their place to others", async () => {
    const machine = await bootMemcached();
    const client = await machine.open();
    const watching: ByteConnection[] = [];
    for (let i = 0; i < 20; i++) watching.push(await watcher(machine, "mutations"));
    expect(await client.ask("watch\r\n")).toBe("WATCHER_TOO_MANY log watcher limit reached\r\n");
    expect(await stat(client, "log_watchers")).toBe(20);
    expect(/STAT \d+:state conn_watch/.test(await client.ask("stats conns\r\n"))).toBe(true);
    watching[3]?.socket.end(); // half an end is enough
    await expect.poll(() => stat(client, "log_watchers")).toBe(19);
    watching[3] = await watcher(machine, "fetchers");
    watching[7]?.write("get a\r\nshutdown\r\n".repeat(10_000)); // nobody listens
    await client.ask("get here\r\n");
    expect((await lines(watching[3], 1))[0]).toContain("key=here");
    for (const connection of watching) connection.close();
    await expect.poll(() => stat(client, "log_watchers")).toBe(0);
    await machine.stop();
  });

  test("see evictions, values that are too large, idle ones that are closed", async () => {
    const machine = await bootMemcached(["-m", "8", "-o", "idle_timeout=1"]);
    const client = await machine.open();
    const watching = await watcher(machine, "evictions");
    const fill = async (): Promise<void> => {
      const value = "v".repeat(10_000);
      for (let i = 0; i < 40; i++) {
        let sets = "";
        for (let k = 0; k < 50; k++) sets += `set e${i * 50 + k} 0 3600 ${value.length} noreply\r\n${value}\r\n`;
        await client.ask(sets);
      }
    };
    await fill();
    expect((await lines(watching, 1))[0]).toMatch(
      /^type=eviction key=e\d+ fetch=no ttl=3[56]\d\d la=\d+ clsid=\d+ size=10000$/,
    );
    const mutations = await watcher(machine, "mutations connevents");
    client.write(`set big 0 0 9999999\r\n${"b".repeat(9_999_999)}\r\n`);
    expect(await client.until("\r\n")).toBe("SERVER_ERROR object too large for cache");
    expect(await lines(mutations, 1)).toEqual([
      "type=item_store key=big status=too_large cmd=set ttl=0 clsid=0 cfd=N size=0",
    ]);
    // The client falls silent. Watchers are silent by nature.
    expect((await lines(mutations, 1))[0]).toMatch(/^type=conn_close .* reason=idle_timeout cfd=N$/);
    expect(mutations.closed).toBe(false);
    await machine.stop();
  });

  test("see the crawler's runs", async () => {
    const machine = await bootMemcached();
    const client = await machine.open();
    const watching = await watcher(machine, "sysevents");
    await client.ask("set c 0 0 1\r\nx\r\nset d 0 1000 1\r\nx\r\n");
    // Lists are crawled by themselves, every few seconds.
    expect((await lines(watching, 1))[0]).toMatch(
      /^type=lru_crawler crawler=1 lru=(hot|warm|cold|temp) low_mark=\d+ next_reclaims=\d+ since_run=\d+ next_run=\d+ elapsed=\d+ examined=\d+ reclaimed=\d+$/,
    );
    await machine.stop();
  });

  test("that do not read keep a bounded part of the log, others are served, and what is missing is told", async () => {
    // Little memory: what is kept without bound would end the machine.
    const machine = await sharedMemcached(["-m", "16", "-o", "watcher_logbuf_size=8"], { memory: "56mb" });
    const client = await machine.open();
    const mute: ByteConnection[] = [];
    for (let i = 0; i < 20; i++) {
      const connection = await machine.open();
      connection.socket.pause();
      connection.write("watch fetchers\r\n");
      mute.push(connection);
    }
    await expect.poll(() => stat(client, "log_watchers")).toBe(20);
    const key = "/".repeat(200);
    // Until each of them misses something: a line has 670 bytes, and the host's kernel takes a few megabytes.
    let asked = 0;
    for (; (await stat(client, "log_watcher_skipped")) < 50_000; asked += 2000)
      await client.ask(`mg ${key}\r\n`.repeat(2000));
    const written = await stat(client, "log_worker_written");
    expect(written).toBe(asked);
    const sent = await stat(client, "log_watcher_sent");
    expect(sent + (await stat(client, "log_watcher_skipped"))).toBe(20 * asked);
    for (const connection of mute.slice(1)) connection.close();
    await expect.poll(() => stat(client, "log_watchers")).toBe(1);
    const [reader] = mute as [ByteConnection];
    reader.socket.resume();
    expect(await reader.until("\r\n")).toBe("OK");
    let seen = 0;
    let skipped = 0;
    let markers = 0;
    for (let marker = 0; marker === 0; ) {
      // There is room again, sooner or later: then the next line comes, behind the number of those that are missing.
      if (reader.received === 0) await client.ask(`mg marker${++markers}\r\n`);
      const line = await reader.until("\n");
      skipped += Number(/^skipped=(\d+)$/.exec(line)?.[1] ?? 0);
      marker = Number(/ key=marker(\d+) /.exec(line)?.[1] ?? 0);
      if (/ key=(%2F){200} status=not_found clsid=0 cfd=\d+ size=0$/.test(line)) seen++;
      // Nothing else, nothing in pieces, nothing lost without a word.
      else if (marker > 0) expect(seen + skipped).toBe(asked + marker - 1);
      else expect(line).toMatch(/^skipped=\d+$/);
    }
    expect(skipped).toBeGreaterThan(0);
    reader.close();
    client.close();
  }, 120_000);

  test("are refused with -W, and by shards, which see a part each", async () => {
    const machine = await bootMemcached(["-W"]);
    const client = await machine.open();
    expect(await client.ask("watch mutations\r\n")).toBe("CLIENT_ERROR watch commands not allowed\r\n");
    await machine.stop();
    const sharded = await boot("memcached", { shards: 2, publish: { 11211: 0 } });
    const other = await ByteConnection.open(sharded.port(11211));
    expect(await other.ask("watch\r\n")).toBe("WATCHER_FAILED failed to add log watcher\r\n");
    other.close();
    await sharded.stop();
  });
});
