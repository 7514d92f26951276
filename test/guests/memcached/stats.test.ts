/** Statistics: every line of memcached's, in its order; what they count; conns, reset and detail. Connections: -c, idle_timeout, shutdown. */
import { describe, expect, test } from "vitest";
import * as B from "./binary-packet.ts";
import { answers, packet } from "./binary-packet.ts";
import type { ByteConnection } from "./byte-connection.ts";
import { bootMemcached, sharedMemcached } from "./memcached-machine.ts";
import { servers } from "./servers.ts";

const all = await servers();

async function stats(connection: ByteConnection, group = ""): Promise<Map<string, string>> {
  const answer = await connection.ask(`stats${group && ` ${group}`}\r\n`);
  expect(answer.endsWith("END\r\n")).toBe(true);
  const lines = answer.split("\r\n").slice(0, -2);
  return new Map(
    lines.map((line) => {
      const match = /^STAT (\S+) (.*)$/.exec(line);
      expect(match, line).not.toBeNull();
      return [match?.[1] ?? "", match?.[2] ?? ""];
    }),
  );
}

const NAMES =
  "pid uptime time version libevent pointer_size rusage_user rusage_system max_connections curr_connections total_connections rejected_connections connection_structures response_obj_oom response_obj_count response_obj_bytes read_buf_count read_buf_bytes read_buf_bytes_free read_buf_oom reserved_fds cmd_get cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses get_expired get_flushed delete_misses delete_hits incr_misses incr_hits decr_misses decr_hits cas_misses cas_hits cas_badval touch_hits touch_misses store_too_large store_no_memory auth_cmds auth_errors bytes_read bytes_written limit_maxbytes accepting_conns listen_disabled_num time_in_listen_disabled_us threads conn_yields hash_power_level hash_bytes hash_is_expanding slab_reassign_rescues slab_reassign_chunk_rescues slab_reassign_evictions_nomem slab_reassign_inline_reclaim slab_reassign_busy_items slab_reassign_busy_deletes slab_reassign_running slabs_moved lru_crawler_running lru_crawler_starts lru_maintainer_juggles malloc_fails log_worker_dropped log_worker_written log_watcher_skipped log_watcher_sent log_watchers unexpected_napi_ids round_robin_fallback bytes curr_items total_items slab_global_page_pool expired_unfetched evicted_unfetched evicted_active evictions reclaimed crawler_reclaimed crawler_items_checked lrutail_reflocked moves_to_cold moves_to_warm moves_within_lru direct_reclaims lru_bumps_dropped";

/** Some of what extstore, which the guest has not, adds to Debian's memcached. */
const isExtstore = (name: string): boolean => name.includes("extstore");

describe.each(all)("$name", (server) => {
  test("stats has memcached's lines in memcached's order", async () => {
    const connection = await server.open();
    const names = [...(await stats(connection)).keys()].filter((name) => !isExtstore(name));
    expect(names.join(" ")).toBe(NAMES);
    connection.close();
  });

  test("requests are counted as what they are", async () => {
    const connection = await server.open();
    expect(await connection.ask("flush_all\r\nstats reset\r\n")).toBe("OK\r\nRESET\r\n");
    await connection.ask(
      "set a 0 0 1\r\n1\r\nget a\r\nget a b\r\nincr a 1\r\ndecr a 1\r\nincr no 1\r\ndecr no 1\r\ntouch a 0\r\ntouch no 0\r\ngat 0 a no\r\n" +
        "cas a 0 0 1 1\r\n2\r\ncas no 0 0 1 1\r\n2\r\nmg a v\r\nmg no\r\nme a\r\ndelete a\r\ndelete a\r\n" +
        `set big 0 0 2000000\r\n${"x".repeat(2_000_000)}\r\n`,
    );
    const counted = await stats(connection);
    const expected = {
      cmd_get: 5,
      cmd_set: 3,
      cmd_touch: 4,
      cmd_meta: 1,
      get_hits: 3,
      get_misses: 2,
      incr_hits: 1,
      incr_misses: 1,
      decr_hits: 1,
      decr_misses: 1,
      touch_hits: 2,
      touch_misses: 2,
      cas_badval: 1,
      cas_misses: 1,
      cas_hits: 0,
      delete_hits: 1,
      delete_misses: 1,
      store_too_large: 1,
      curr_items: 0,
    };
    const found = Object.fromEntries(Object.keys(expected).map((name) => [name, Number(counted.get(name))]));
    expect(found).toEqual(expected);
    expect(Number(counted.get("bytes_read"))).toBeGreaterThan(2_000_000);
    connection.close();
  });

  test("conns tells each socket, its state and its silence", async () => {
    const connection = await server.open();
    const other = await server.open();
    await other.ask("version\r\n");
    other.write("set half 0 0 100\r\n");
    await expect
      .poll(async () => [...(await stats(connection, "conns")).values()], { timeout: 10_000 })
      .toContain("conn_nread");
    const found = await stats(connection, "conns");
    expect([...found.values()]).toEqual(expect.arrayContaining(["conn_listening", "conn_parse_cmd"]));
    const names = [...found.keys()].map((name) => name.replace(/^\d+:/, ""));
    for (const name of ["addr", "listen_addr", "state", "secs_since_last_cmd"]) expect(names).toContain(name);
    expect([...found.values()].filter((value) => /^tcp:[\d.]+:\d+$/.test(value)).length).toBeGreaterThanOrEqual(5);
    other.close();
    connection.close();
  });

  test("detail counts by prefix", async () => {
    const connection = await server.open();
    expect(await connection.ask("stats detail on\r\nstats reset\r\n")).toBe("OK\r\nRESET\r\n");
    await connection.ask("set pre:1 0 0 1\r\n1\r\nget pre:1 pre:2 none\r\ndelete pre:1\r\nset none 0 0 1\r\n1\r\n");
    expect(await connection.ask("stats detail dump\r\n")).toBe("PREFIX pre get 2 hit 1 set 1 del 1\r\nEND\r\n");
    const binary = await server.open();
    binary.write(
      Buffer.concat([packet(B.GET, { key: "pre:1" }), packet(B.STAT, { key: "detail dump" }), packet(B.QUIT)]),
    );
    const dump = answers(Buffer.from(await binary.rest(), "latin1")).find((answer) => answer.key === "detailed");
    expect(dump?.value).toBe("PREFIX pre get 3 hit 1 set 1 del 1\r\nEND\r\n");
    expect(
      await connection.ask(
        "stats detail off\r\nget pre:1\r\nstats detail dump\r\nstats reset\r\nstats detail dump\r\n",
      ),
    ).toBe("OK\r\nEND\r\nPREFIX pre get 3 hit 1 set 1 del 1\r\nEND\r\nRESET\r\nEND\r\n");
    connection.close();
  });
});

describe("the guest's connections", () => {
  test("detail does not keep more prefixes than its bound", async () => {
    const machine = await sharedMemcached();
    const connection = await machine.open();
    await connection.ask("stats detail on\r\n");
    for (let i = 0; i < 20; i++) {
      const keys = Array.from({ length: 1000 }, (_, n) => `prefix${i}-${n}:key`);
      await connection.ask(`get ${keys.join(" ")}\r\n`);
    }
    const lines = (await connection.ask("stats detail dump\r\n")).split("\r\n").length - 2;
    expect(lines).toBe(16_384);
    connection.close();
  });

  test("-c: one too many is told so", async () => {
    const machine = await sharedMemcached(["-c", "5"]);
    const five = await Promise.all(Array.from({ length: 5 }, () => machine.open()));
    for (const connection of five) await connection.ask("version\r\n");
    expect(await (await machine.open()).rest()).toBe("ERROR Too many open connections\r\n");
    expect((await stats(five[0] as ByteConnection)).get("rejected_connections")).toBe("1");
    five[4]?.close();
    await expect
      .poll(async () => (await stats(five[0] as ByteConnection)).get("curr_connections"), { timeout: 10_000 })
      .toBe("4");
    const again = await machine.open();
    expect(await again.ask("version\r\n")).toBe("VERSION 1.6.18\r\n");
    for (const connection of [...five, again]) connection.close();
  });

  test("-c with -o no_maxconns_fast: one too many waits until another goes", async () => {
    const machine = await sharedMemcached(["-c", "2", "-o", "no_maxconns_fast"]);
    const [first, second] = [await machine.open(), await machine.open()];
    await first.ask("version\r\n");
    await second.ask("version\r\n");
    const waiting = [await machine.open(), await machine.open(), await machine.open()];
    for (const connection of waiting) connection.write("set waiting 0 0 1\r\n1\r\n");
    await expect.poll(async () => (await stats(first)).get("accepting_conns"), { timeout: 10_000 }).toBe("0");
    waiting[1]?.close(); // gives up
    expect(await first.ask("get waiting\r\n")).toBe("END\r\n");
    second.close();
    expect(await waiting[0]?.until("\r\n")).toBe("STORED");
    expect(waiting[2]?.received).toBe(0);
    waiting[0]?.close();
    expect(await waiting[2]?.until("\r\n")).toBe("STORED");
    await expect.poll(async () => (await stats(first)).get("accepting_conns"), { timeout: 10_000 }).toBe("1");
    expect((await stats(first)).get("listen_disabled_num")).toBe("1");
    first.close();
    waiting[2]?.close();
  });

  test("-o idle_timeout: who says nothing is closed, who says half a value is not", async () => {
    const machine = await sharedMemcached(["-o", "idle_timeout=1"]);
    const silent = await machine.open();
    const slow = await machine.open();
    await silent.ask("version\r\n");
    slow.write("set slow 0 0 4\r\nab");
    expect(await silent.rest()).toBe("");
    slow.write("cd\r\n");
    expect(await slow.until("\r\n")).toBe("STORED");
    expect(Number((await stats(slow)).get("idle_kicks"))).toBeGreaterThanOrEqual(1);
    slow.close();
  });

  test("-A: shutdown ends the machine", async () => {
    const machine = await bootMemcached(["-A"]);
    const connection = await machine.open();
    expect(await connection.ask("shutdown now\r\n")).toBe("CLIENT_ERROR invalid shutdown mode\r\n");
    connection.write("shutdown\r\n");
    expect(await connection.rest()).toBe("");
    await machine.stop();
  });

  test("-F and -X forbid what they say", async () => {
    for (const server of await servers(["-F", "-X"])) {
      const connection = await server.open();
      expect(await connection.ask("flush_all\r\nstats cachedump 1 1\r\nlru_crawler metadump all\r\n")).toBe(
        "CLIENT_ERROR flush_all not allowed\r\nCLIENT_ERROR stats cachedump not allowed\r\nERROR metadump not allowed\r\n",
      );
      connection.close();
    }
  });
});
