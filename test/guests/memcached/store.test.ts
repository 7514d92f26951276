/**
 * The memcached guest's store by itself, with a clock that only the test moves: eviction and the LRU's lists, expiry, flush_all, CAS, numbers, the crawler, the
 * page mover; and a long random run beside a model. A failure of that one names its seed (SEED=n repeats it).
 */
import { describe, expect, test } from "vitest";
import { randomFor } from "../../random.ts";
import {
  ADD,
  APPEND,
  CAS,
  EXISTS,
  Exit,
  NO_MEMORY,
  NOT_FOUND,
  NOT_STORED,
  PREPEND,
  REPLACE,
  SET,
  STORED,
  StoreAlone,
  TOO_LARGE,
} from "./store-alone.ts";

const SECOND = 1000;

/** Sets keys of one size until the first one is evicted; how many there were. */
function fill(store: StoreAlone, prefix: string, bytes: number, most = 200_000): number {
  const before = store.stat("totals", "evictions");
  for (let i = 0; i < most; i++) {
    expect(store.set(`${prefix}${i}`, bytes)).toBe(STORED);
    if (i % 64 === 0 && store.stat("totals", "evictions") > before) return i + 1;
  }
  throw new Error("nothing was evicted");
}

describe("storing", () => {
  test("the operations answer as memcached's", async () => {
    const store = await StoreAlone.boot();
    expect(store.store(REPLACE, "k", "x")).toBe(NOT_STORED);
    expect(store.store(APPEND, "k", "x")).toBe(NOT_STORED);
    expect(store.store(CAS, "k", "x", { cas: 1 })).toBe(NOT_FOUND);
    expect(store.store(ADD, "k", "one", { flags: 4294967295 })).toBe(STORED);
    expect(store.store(ADD, "k", "two")).toBe(NOT_STORED);
    expect(store.store(APPEND, "k", "-two", { flags: 7 })).toBe(STORED);
    expect(store.store(PREPEND, "k", "zero-")).toBe(STORED);
    expect(store.get("k")).toMatchObject({ value: "zero-one-two", flags: 4294967295 });
    const { cas } = store.get("k") ?? { cas: 0 };
    expect(store.store(CAS, "k", "no", { cas: cas + 1 })).toBe(EXISTS);
    expect(store.store(APPEND, "k", "no", { cas: cas + 1 })).toBe(EXISTS);
    expect(store.store(CAS, "k", "yes", { cas })).toBe(STORED);
    expect(store.store(CAS, "k", "again", { cas })).toBe(EXISTS);
    expect(store.get("k")?.value).toBe("yes");
    expect(store.delete("k")).toBe(true);
    expect(store.delete("k")).toBe(false);
    store.check();
  });

  test("every change gives a CAS number that no other has", async () => {
    const store = await StoreAlone.boot();
    const seen = new Set<number>();
    const note = (): void => {
      const cas = store.peek("k")?.cas ?? 0;
      expect(seen.has(cas)).toBe(false);
      seen.add(cas);
    };
    for (let i = 0; i < 100; i++) {
      store.set("k", String(i));
      note();
      store.store(APPEND, "k", "1");
      note();
      store.delta("k", 5n);
      note();
      expect(store.store(CAS, "k", "7", { cas: store.peek("k")?.cas ?? 0 })).toBe(STORED);
      note();
    }
    expect(Math.min(...seen)).toBeGreaterThan(0);
  });

  test("with -C there are no CAS numbers, and items count 8 bytes less", async () => {
    const store = await StoreAlone.boot(["-C"]);
    const other = await StoreAlone.boot();
    for (const s of [store, other]) s.set("k", "value");
    expect(store.get("k")?.cas).toBe(0);
    expect(store.stat("totals", "bytes")).toBe(other.stat("totals", "bytes") - 8);
  });

  test("sizes end at -I, to the byte", async () => {
    for (const args of [[], ["-I", "2m"], ["-I", "1024", "-o", "slab_chunk_max=1024"]]) {
      const store = await StoreAlone.boot(args, { valueMax: 4 << 20 });
      const max = store.stat("settings", "item_size_max");
      // header 48, key and its end, "\r\n", CAS 8
      const largest = max - 48 - 2 - 2 - 8;
      expect(store.set("k", largest)).toBe(STORED);
      expect(store.get("k")?.value.length).toBe(largest);
      expect(store.set("k", largest + 1)).toBe(TOO_LARGE);
      expect(store.set("k", largest - 4, { flags: 1 })).toBe(STORED);
      expect(store.set("k", largest - 3, { flags: 1 })).toBe(TOO_LARGE);
      store.check();
    }
  });

  test("a value in flight outlives its key", async () => {
    const store = await StoreAlone.boot();
    store.set("k", "old value");
    const at = store.hold("k");
    store.set("k", "new");
    store.delete("k");
    for (let i = 0; i < 1000; i++) store.set(`other${i}`, "yyyyyyyyy");
    expect(store.held(at).value).toBe("old value");
    store.check(1);
    store.call("release", at);
    store.check();
  });
});

describe("numbers", () => {
  test("incr wraps at 64 bits, decr stops at zero", async () => {
    const store = await StoreAlone.boot();
    store.set("n", "18446744073709551615");
    expect(store.delta("n", 1n)).toBe("0");
    store.set("n", "10");
    expect(store.delta("n", 18446744073709551615n)).toBe("9");
    expect(store.delta("n", -100n)).toBe("0");
  });

  test("a shorter number is padded in place, a longer one gets a new item", async () => {
    const store = await StoreAlone.boot();
    store.set("n", "100", { flags: 5 });
    expect(store.delta("n", -1n)).toBe("99");
    expect(store.get("n")).toMatchObject({ value: "99 ", flags: 5 });
    expect(store.delta("n", 1n)).toBe("100");
    expect(store.delta("n", 900n)).toBe("1000");
    expect(store.get("n")).toMatchObject({ value: "1000", flags: 5 });
    store.check();
  });

  test("a number in flight is not written over", async () => {
    const store = await StoreAlone.boot();
    store.set("n", "41");
    const at = store.hold("n");
    expect(store.delta("n", 1n)).toBe("42");
    expect(store.held(at).value).toBe("41");
    expect(store.get("n")?.value).toBe("42");
    store.call("release", at);
    store.check();
  });

  test("what is a number is strtoull's to say", async () => {
    const store = await StoreAlone.boot();
    const cases: [string, string | number][] = [
      ["7", "8"],
      [" 7", "8"],
      ["7 ", "8"],
      ["7 x", "8"],
      ["+7", "8"],
      ["007", "8"],
      ["", 1],
      [" ", 1],
      ["-", 1],
      ["-7", 1],
      ["7x", 1],
      ["x", 1],
      ["0x7", 1],
      ["18446744073709551616", 1],
      ["99999999999999999999999", 1],
    ];
    for (const [value, expected] of cases) {
      store.set("n", value);
      expect([value, store.delta("n", 1n)]).toEqual([value, expected]);
    }
    expect(store.delta("missing", 1n)).toBe(3);
    store.set("n", "1");
    expect(store.delta("n", 1n, 99_999)).toBe(4);
    expect(store.delta("n", 1n, store.peek("n")?.cas)).toBe("2");
  });
});

describe("time", () => {
  test("an item ends in the second it names, and is not there any more for anything", async () => {
    const store = await StoreAlone.boot();
    store.set("k", "v", { exptime: store.now() + 2 });
    store.pass(1 * SECOND);
    expect(store.get("k")?.value).toBe("v");
    store.pass(1 * SECOND);
    expect(store.get("k")).toBeUndefined();
    expect(store.store(REPLACE, "k", "w")).toBe(NOT_STORED);
    expect(store.store(ADD, "k", "w")).toBe(STORED);
    expect(store.touch("k", store.now() + 10)).toBe(true);
    store.pass(9 * SECOND);
    expect(store.get("k")?.value).toBe("w");
    store.pass(2 * SECOND);
    expect(store.touch("k", 0)).toBe(false);
    store.check();
  });

  test("flush_all: what is there goes, what comes later stays, within the same second too", async () => {
    const store = await StoreAlone.boot();
    store.set("old", "v");
    store.call("flush", 0);
    store.set("new", "v");
    expect(store.get("old")).toBeUndefined();
    expect(store.get("new")?.value).toBe("v");
  });

  test("flush_all with a delay: all is there until then, and what is set before goes", async () => {
    const store = await StoreAlone.boot();
    store.set("one", "v");
    store.call("flush", 3);
    store.set("two", "v");
    store.pass(1 * SECOND);
    expect(store.get("one")?.value).toBe("v");
    expect(store.get("two")?.value).toBe("v");
    store.pass(2 * SECOND);
    store.set("three", "v");
    expect(store.get("one")).toBeUndefined();
    expect(store.get("two")).toBeUndefined();
    expect(store.get("three")?.value).toBe("v");
    store.check();
  });

  test("a later flush_all with a delay takes back an earlier one, as in memcached", async () => {
    const store = await StoreAlone.boot();
    store.set("k", "v");
    store.call("flush", 2);
    store.call("flush", 10);
    store.pass(5 * SECOND);
    expect(store.get("k")?.value).toBe("v");
  });

  test("the crawler finds what has expired without anybody asking for it", async () => {
    const store = await StoreAlone.boot();
    for (let i = 0; i < 2000; i++) store.set(`gone${i}`, 100, { exptime: store.now() + 30 });
    for (let i = 0; i < 500; i++) store.set(`stay${i}`, 100);
    store.pass(600 * SECOND);
    expect(store.stat("totals", "curr_items")).toBe(500);
    expect(store.stat("totals", "crawler_reclaimed") + store.stat("totals", "reclaimed")).toBe(2000);
    store.check();
  });

  test("lru_crawler crawl looks at the classes it is given", async () => {
    const store = await StoreAlone.boot();
    for (let i = 0; i < 300; i++) store.set(`s${i}`, 10, { exptime: store.now() + 1 });
    for (let i = 0; i < 300; i++) store.set(`l${i}`, 5000, { exptime: store.now() + 1 });
    store.pass(3 * SECOND);
    const small = 1;
    expect(store.crawl("0")).toBe(2);
    expect(store.crawl("64")).toBe(2);
    expect(store.crawl("x")).toBe(2);
    while (store.crawl(String(small)) === 1) store.pass(70 * SECOND);
    for (let i = 0; i < 20; i++) store.tick();
    expect(store.stat("items", "items:1:number") || 0).toBe(0);
    store.check();
  });

  test("a metadump has every key once, from the lists and from the table, also while the table grows", async () => {
    const store = await StoreAlone.boot(["-o", "hashpower=12"]);
    const keys = new Set<string>();
    for (let i = 0; i < 6200; i++) {
      store.set(`key${i}`, i % 300);
      keys.add(`key${i}`);
    }
    for (const lists of ["all", "hash"]) {
      const found = store.dump(lists);
      expect(found.length).toBe(keys.size);
      expect(new Set(found)).toEqual(keys);
    }
    store.check();
  });
});

describe("eviction", () => {
  test("the oldest go first, and what was fetched twice is spared", async () => {
    const store = await StoreAlone.boot(["-m", "4"]);
    for (let i = 0; i < 50; i++) store.set(`favourite${i}`, 1000);
    for (let i = 0; i < 50; i++) for (let n = 0; n < 2; n++) expect(store.get(`favourite${i}`)).toBeDefined();
    const total = fill(store, "filler", 1000);
    for (let i = 0; i < total; i++) {
      store.set(`more${i}`, 1000);
      if (i % 100 === 0) store.pass(50);
    }
    for (let i = 0; i < 50; i++) expect(store.peek(`favourite${i}`)).toBeDefined();
    expect(store.peek("filler0")).toBeUndefined();
    expect(store.stat("totals", "evicted_unfetched")).toBeGreaterThan(0);
    store.check();
  });

  test("without segments the order is the order of use", async () => {
    const store = await StoreAlone.boot(["-m", "3", "-o", "no_lru_maintainer"]);
    const total = fill(store, "k", 1000);
    const alive = (): number[] => [...Array(total).keys()].filter((i) => store.peek(`k${i}`));
    const first = alive()[0] ?? 0;
    // A bump within a minute does not count; after that it does.
    store.pass(70 * SECOND);
    store.get(`k${first}`);
    for (let i = 0; i < 100; i++) store.set(`n${i}`, 1000);
    expect(store.peek(`k${first}`)).toBeDefined();
    expect(store.peek(`k${first + 1}`)).toBeUndefined();
    expect(store.peek(`k${first + 100}`)).toBeUndefined();
    expect(store.peek(`k${first + 101}`)).toBeDefined();
    store.check();
  });

  test("-M answers no memory instead, and what is there stays", async () => {
    const store = await StoreAlone.boot(["-M", "-m", "3"]);
    let stored = 0;
    while (store.set(`k${stored}`, 1000) === STORED) stored++;
    expect(store.set("another", 1000)).toBe(NO_MEMORY);
    for (let i = 0; i < stored; i++) expect(store.peek(`k${i}`)).toBeDefined();
    expect(store.stat("totals", "evictions")).toBe(0);
    expect(store.delete("k0")).toBe(true);
    expect(store.set("another", 1000)).toBe(STORED);
    store.check();
  });

  test("the lists keep their shares, and a hit in COLD goes to WARM", async () => {
    const store = await StoreAlone.boot();
    for (let i = 0; i < 5000; i++) store.set(`k${i}`, 1000);
    store.pass(100);
    const name = (what: string): number => store.stat("items", `items:${store.peek("k0")?.slabClass}:${what}`);
    expect(name("number")).toBe(5000);
    expect(name("number_hot")).toBeLessThanOrEqual(1000);
    expect(name("number_cold")).toBeGreaterThanOrEqual(4000);
    expect(store.peek("k0")?.list).toBe("cold");
    store.get("k0");
    expect(store.peek("k0")?.list).toBe("cold");
    store.get("k0");
    expect(store.peek("k0")?.list).toBe("warm");
    expect(name("moves_to_warm")).toBe(1);
    store.check();
  });

  test("temporary items have a list of their own and are not evicted", async () => {
    const store = await StoreAlone.boot(["-m", "4", "-o", "temporary_ttl=30"]);
    store.set("short", 1000, { exptime: store.now() + 20 });
    store.set("long", 1000, { exptime: store.now() + 200 });
    expect(store.peek("short")?.list).toBe("temp");
    expect(store.peek("long")?.list).toBe("hot");
    fill(store, "k", 1000);
    for (let i = 0; i < 4000; i++) store.set(`m${i}`, 1000);
    expect(store.peek("short")).toBeDefined();
    expect(store.peek("long")).toBeUndefined();
    store.check();
  });

  test("one class' items do not push out another's, large ones live in runs within -m", async () => {
    const store = await StoreAlone.boot(["-m", "16"], { memoryMiB: 64 });
    for (let i = 0; i < 100; i++) store.set(`small${i}`, 100);
    for (let i = 0; i < 200; i++) {
      expect(store.set(`large${i}`, 700_000)).toBe(STORED);
      expect(store.call("malloced")).toBeLessThanOrEqual(16 << 20);
    }
    for (let i = 0; i < 100; i++) expect(store.peek(`small${i}`)).toBeDefined();
    expect(store.peek("large199")?.value.length).toBe(700_000);
    expect(store.peek("large0")).toBeUndefined();
    store.check();
  });

  test("a machine smaller than -m evicts at its own limit", async () => {
    const store = await StoreAlone.boot(["-m", "1024"], { memoryMiB: 32 });
    for (let i = 0; i < 100_000; i++) expect(store.set(`k${i}`, 1000)).toBe(STORED);
    expect(store.stat("totals", "evictions")).toBeGreaterThan(50_000);
    expect(store.peek("k99999")).toBeDefined();
    store.check();
  });
});

describe("pages", () => {
  test("a page moves to another class and its items are rescued", async () => {
    const store = await StoreAlone.boot(["-m", "32", "-o", "no_slab_automove"]);
    let n = 0;
    while (store.stat("slabs", "1:total_pages") !== 3) store.set(`k${n++}`, 10);
    for (let i = 0; i < n; i += 2) store.delete(`k${i}`);
    const casBefore = store.peek("k1")?.cas;
    expect(store.call("reassign", 1, 1)).toBe(4);
    expect(store.call("reassign", 1, 99)).toBe(2);
    expect(store.call("reassign", 1, 5)).toBe(0);
    expect(store.call("reassign", 1, 5)).toBe(1);
    store.pass(5 * SECOND);
    expect(store.stat("slabs", "1:total_pages")).toBe(2);
    expect(store.stat("slabs", "5:total_pages")).toBe(1);
    for (let i = 0; i < n; i++) expect(store.peek(`k${i}`) !== undefined).toBe(i % 2 === 1);
    expect(store.peek("k1")?.cas).toBe(casBefore);
    expect(store.call("reassign", 5, 1)).toBe(3);
    store.check();
  });

  test("a value in flight holds its page until it is sent", async () => {
    const store = await StoreAlone.boot(["-m", "32", "-o", "no_slab_automove"]);
    let n = 0;
    while (store.stat("slabs", "1:total_pages") !== 2) store.set(`k${n++}`, 10);
    for (let i = 1; i < n; i++) store.delete(`k${i}`);
    const at = store.hold("k0");
    expect(store.call("reassign", 1, 5)).toBe(0);
    store.pass(2 * SECOND);
    expect(store.stat("slabs", "1:total_pages")).toBe(2);
    expect(store.held(at).value).toBe("xxxxxxxxxx");
    store.call("release", at);
    store.pass(2 * SECOND);
    expect(store.stat("slabs", "1:total_pages")).toBe(1);
    expect(store.peek("k0")?.value).toBe("xxxxxxxxxx");
    store.check();
  });

  test("memory follows the load: pages of a class that is not used any more go to the one that evicts", async () => {
    const store = await StoreAlone.boot(["-m", "16"]);
    fill(store, "small", 100);
    const before = store.stats("slabs");
    const cls = store.peek("small100")?.slabClass;
    for (let second = 0; second < 200; second++) {
      for (let i = 0; i < 100; i++) store.set(`big${second}-${i}`, 20_000);
      store.pass(SECOND);
    }
    const after = store.stats("slabs");
    expect(Number(after.get(`${cls}:total_pages`))).toBeLessThan(Number(before.get(`${cls}:total_pages`)) / 2);
    expect(store.call("malloced")).toBeLessThanOrEqual(17 << 20);
    store.check();
  });

  test("memory follows the load to large items and back", async () => {
    const store = await StoreAlone.boot(["-m", "24"]);
    fill(store, "small", 100);
    for (let second = 0; second < 150; second++) {
      for (let i = 0; i < 8; i++) store.set(`large${second}-${i}`, 800_000);
      store.pass(SECOND);
    }
    const large = Math.max(...[...store.stats("slabs").keys()].map((name) => Number.parseInt(name, 10) || 0));
    expect(store.stat("slabs", `${large}:total_pages`)).toBeGreaterThan(8);
    for (let second = 0; second < 150; second++) {
      for (let i = 0; i < 5000; i++) store.set(`again${second}-${i}`, 100);
      store.pass(SECOND);
    }
    expect(store.stat("slabs", `${large}:total_pages`)).toBeLessThan(8);
    store.check();
  });

  test("cache_memlimit: less memory is used from then on, and more again", async () => {
    const store = await StoreAlone.boot(["-m", "32"]);
    fill(store, "k", 500);
    store.call("memoryLimit", 16 << 20);
    for (let second = 0; second < 200; second++) {
      for (let i = 0; i < 200; i++) store.set(`n${second}-${i}`, 500);
      store.pass(SECOND);
    }
    store.call("memoryLimit", 64 << 20);
    const before = store.stat("totals", "curr_items");
    for (let i = 0; i < 60_000; i++) store.set(`m${i}`, 500);
    expect(store.stat("totals", "curr_items")).toBeGreaterThan(before);
    expect(store.call("malloced")).toBeLessThanOrEqual(64 << 20);
    store.check();
  });
});

describe("stats sizes", () => {
  test("counts items in steps of 32 bytes, from when it was turned on", async () => {
    const store = await StoreAlone.boot();
    store.set("before", 10);
    expect(store.stats("sizes").get("sizes_status")).toBe("disabled");
    store.call("sizesEnable");
    store.set("after", 10);
    store.set("more", 100);
    store.set("gone", 100);
    store.delete("gone");
    store.delete("before");
    expect([...store.stats("sizes")]).toEqual([
      ["96", "1"],
      ["192", "1"],
    ]);
  });
});

describe("command line", () => {
  const refused = async (...args: string[]): Promise<[number, string]> => {
    try {
      const { output } = await StoreAlone.boot(args);
      return [-1, output];
    } catch (error) {
      if (error instanceof Exit) return [error.code, error.output];
      throw error;
    }
  };

  test("settings arrive, in all the ways getopt_long takes them", async () => {
    const store = await StoreAlone.boot([
      "-vm128",
      "operand",
      "--conn-limit=77",
      "--port",
      "1234",
      "--disable-ev",
      "-I2m",
      "-f",
      "1.5",
      "-o",
      "hashpower=20,no_lru_crawler,hot_lru_pct=30",
      "-l127.0.0.1",
      "-l",
      "10.0.0.1",
      "-D.",
    ]);
    const settings = store.stats("settings");
    expect(Object.fromEntries(settings)).toMatchObject({
      maxbytes: String(128 << 20),
      maxconns: "77",
      tcpport: "1234",
      evictions: "off",
      item_size_max: String(2 << 20),
      growth_factor: "1.50",
      hashpower_init: "20",
      lru_crawler: "no",
      hot_lru_pct: "30",
      inter: "127.0.0.1,10.0.0.1",
      verbosity: "1",
      stat_key_prefix: ".",
      detail_enabled: "yes",
    });
  });

  test("what has no meaning in a machine is taken, what -o cannot do is named", async () => {
    const store = await StoreAlone.boot([
      "-d",
      "-u",
      "nobody",
      "-P",
      "/tmp/pid",
      "-k",
      "-o",
      "ssl_key=x,ext_path=/x,modern",
    ]);
    expect(store.output).toBe("without effect here: -o ssl_key, ext_path\n");
  });

  test("a machine that does not like its options says so and ends", async () => {
    expect(await refused("-o", "no_hashexpand,slab_sizes=100-200-150")).toEqual([
      64,
      "slab size 150 cannot be lower than or equal to a previous class size\n",
    ]);
    expect(await refused("-S")).toEqual([64, "This server is not built with SASL support.\n"]);
    expect((await refused("-V"))[1]).toBe("memcached 1.6.18\n");
    const [code, help] = await refused("-h");
    expect(code).toBe(0);
    expect(help.startsWith("memcached 1.6.18\n-p, --port=<num>")).toBe(true);
  });
});

test("a long random run agrees with a model, and nothing in the store is ever broken", {
  timeout: 120_000,
}, async () => {
  const random = randomFor("memcached store");
  const store = await StoreAlone.boot(["-m", "64", "-o", "hashpower=12"]);
  interface Entry {
    value: string;
    flags: number;
    exptime: number;
  }
  const model = new Map<string, Entry>();
  const inFlight: { at: number; value: string }[] = [];
  const alive = (key: string): Entry | undefined => {
    const entry = model.get(key);
    if (entry && entry.exptime !== 0 && entry.exptime <= store.now()) {
      model.delete(key);
      return undefined;
    }
    return entry;
  };
  const text = (): string =>
    random.oneIn(3)
      ? String(random.below(1000))
      : "v".repeat(random.oneIn(50) ? random.below(30_000) : random.below(200));
  for (let round = 0; round < 60_000; round++) {
    const key = `key-${random.below(3000)}`;
    const entry = alive(key);
    const flags = random.oneIn(2) ? 0 : random.u32();
    const exptime = random.oneIn(4) ? store.now() + 1 + random.below(5) : 0;
    const value = text();
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        expect(store.store(SET, key, value, { flags, exptime })).toBe(STORED);
        model.set(key, { value, flags, exptime });
        break;
      case 3:
        expect(store.store(ADD, key, value, { flags, exptime })).toBe(entry ? NOT_STORED : STORED);
        if (!entry) model.set(key, { value, flags, exptime });
        break;
      case 4:
        expect(store.store(REPLACE, key, value, { flags, exptime })).toBe(entry ? STORED : NOT_STORED);
        if (entry) model.set(key, { value, flags, exptime });
        break;
      case 5: {
        const append = random.oneIn(2);
        expect(store.store(append ? APPEND : PREPEND, key, value, { flags })).toBe(entry ? STORED : NOT_STORED);
        if (entry) entry.value = append ? entry.value + value : value + entry.value;
        break;
      }
      case 6: {
        const cas = store.peek(key)?.cas ?? 12345;
        const right = random.oneIn(2);
        const answer = store.store(CAS, key, value, { flags, exptime, cas: right ? cas : cas + 1 });
        expect(answer).toBe(!entry ? NOT_FOUND : right ? STORED : EXISTS);
        if (answer === STORED) model.set(key, { value, flags, exptime });
        break;
      }
      case 7:
        expect(store.delete(key)).toBe(entry !== undefined);
        model.delete(key);
        break;
      case 8: {
        const by = BigInt(random.below(2000) - 1000);
        const answer = store.delta(key, by);
        const digits = /^ *(\d+)(?: |$)/.exec(entry?.value ?? "")?.[1];
        if (!entry) expect(answer).toBe(3);
        else if (digits === undefined || BigInt(digits) >= 1n << 64n) expect(answer).toBe(1);
        else {
          const sum = BigInt(digits) + by;
          const will = String(sum < 0n ? 0n : BigInt.asUintN(64, sum));
          expect(answer).toBe(will);
          // Padded where it lies, or a new item as long as the number when the old one is too short or in flight.
          const now = store.peek(key)?.value ?? "";
          expect([will, will.padEnd(entry.value.length)]).toContain(now);
          entry.value = now;
        }
        break;
      }
      case 9:
        expect(store.touch(key, exptime)).toBe(entry !== undefined);
        if (entry) entry.exptime = exptime;
        break;
      case 10:
        if (entry && inFlight.length < 50) inFlight.push({ at: store.hold(key), value: entry.value });
        else if (inFlight.length > 0) {
          const [one] = inFlight.splice(random.below(inFlight.length), 1);
          if (one) {
            expect(store.held(one.at).value).toBe(one.value);
            store.call("release", one.at);
          }
        }
        break;
      default:
        if (random.oneIn(20)) store.pass(random.below(2500));
        if (random.oneIn(200)) store.call("reassign", -1, 1 + random.below(30));
        if (random.oneIn(400)) {
          store.call("flush", 0);
          model.clear();
        }
    }
    const seen = store.get(key);
    const now = alive(key);
    expect([key, seen?.value, seen?.flags]).toEqual([key, now?.value, now?.flags]);
  }
  for (const one of inFlight) {
    expect(store.held(one.at).value).toBe(one.value);
    store.call("release", one.at);
  }
  store.check();
});
