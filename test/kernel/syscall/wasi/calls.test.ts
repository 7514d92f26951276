/**
 * What WASI calls do, call by call, where the public suites do not look: cookies and small buffers of fd_readdir, 64-bit values to the last bit, rights
 * that a type of file has, poll_oneoff's events, what a program is given.
 */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RIGHTS_DIRECTORY, RIGHTS_REGULAR_FILE } from "../../../../kernel/abi/wasi.ts";
import { wasiPage } from "../../../../kernel/syscall/wasi/page.ts";
import { WASI_TABLE } from "../../../../kernel/syscall/wasi/table.ts";
import { BUFFER, OUT, RIGHTS_ALL, WasiGuest } from "./wasi-guest.ts";

const ROOT = 3;
const CREATE = 1;
const DIRENT_BYTES = 24;

interface Dirent {
  readonly next: bigint;
  readonly name: string;
  readonly type: number;
}

describe("WASI calls", () => {
  let guest: WasiGuest;
  beforeEach(async () => {
    guest = await WasiGuest.boot({ preopens: { "/": "/tmp" }, args: ["one", "zwei €"], env: { A: "b", Ü: "1 2" } });
  });
  afterEach(() => guest.end());

  const made = (name: string, base = RIGHTS_ALL): number => {
    const fd = guest.open(ROOT, name, { oflags: CREATE, base });
    expect(fd).toBeTypeOf("number");
    return fd as number;
  };

  /** The bytes of one fd_readdir. */
  function readdir(fd: number, length: number, cookie: bigint): Uint8Array {
    guest.bytes.fill(0xee, BUFFER, BUFFER + length + 64);
    expect(guest.call("fd_readdir", fd, BUFFER, length, cookie, OUT)).toBe("SUCCESS");
    const used = guest.memory.getUint32(OUT, true);
    expect(used).toBeLessThanOrEqual(length);
    expect([...guest.bytes.slice(BUFFER + used, BUFFER + length + 64)].every((byte) => byte === 0xee)).toBe(true);
    return guest.bytes.slice(BUFFER, BUFFER + used);
  }

  /** The whole entries in them. */
  function entries(bytes: Uint8Array): Dirent[] {
    const view = new DataView(bytes.buffer);
    const list: Dirent[] = [];
    for (let at = 0; at + DIRENT_BYTES <= bytes.length; ) {
      const length = view.getUint32(at + 16, true);
      if (at + DIRENT_BYTES + length > bytes.length) break;
      const name = new TextDecoder().decode(bytes.subarray(at + DIRENT_BYTES, at + DIRENT_BYTES + length));
      list.push({ next: view.getBigUint64(at, true), name, type: view.getUint32(at + 20, true) });
      at += DIRENT_BYTES + length;
    }
    return list;
  }

  describe("fd_readdir", () => {
    const names = [".", "..", "a", "bb", "c".repeat(255), "dir", "ü"];
    beforeEach(() => {
      for (const name of names.slice(2)) {
        if (name === "dir") guest.call("path_create_directory", ROOT, ...guest.path(name));
        else guest.call("fd_close", made(name));
      }
    });

    it("lists everything with every size of buffer, from cookie to cookie", () => {
      for (const length of [24, 25, 26, 40, 100, 278, 279, 280, 1000, 4096]) {
        const seen: string[] = [];
        let cookie = 0n;
        let room = length;
        for (let calls = 0; calls < 100; calls++) {
          const bytes = readdir(ROOT, room, cookie);
          const list = entries(bytes);
          seen.push(...list.map(({ name }) => name));
          const last = list.at(-1);
          if (last) cookie = last.next;
          if (bytes.length < room) break;
          room = list.length === 0 ? room * 2 : length; // an entry that does not fit: as a libc does
        }
        expect(seen.sort(), `${length}`).toEqual([...names].sort());
      }
    });

    it("fills a buffer that is smaller than a header, and none at all", () => {
      for (const length of [0, 1, 7, 23]) expect(readdir(ROOT, length, 0n)).toHaveLength(length);
    });

    it("tells types and takes cookies that nobody has given for the end", () => {
      const types = new Map(entries(readdir(ROOT, 4096, 0n)).map(({ name, type }) => [name, type]));
      expect([types.get("."), types.get("dir"), types.get("a")]).toEqual([3, 3, 4]);
      for (const cookie of [7n, 1000n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])
        expect(readdir(ROOT, 4096, cookie)).toHaveLength(0);
    });

    it("sees what is new after a beginning, and keeps its list in between", () => {
      const first = entries(readdir(ROOT, 60, 0n)); // "." and ".."
      guest.call("path_unlink_file", ROOT, ...guest.path("a"));
      guest.call("fd_close", made("new"));
      const cookie = first.at(-1)?.next as bigint;
      const rest = entries(readdir(ROOT, 4096, cookie)).map(({ name }) => name);
      expect([...first.map(({ name }) => name), ...rest].sort()).toEqual([...names].sort());
      const anew = entries(readdir(ROOT, 4096, 0n)).map(({ name }) => name);
      expect(anew).toContain("new");
      expect(anew).not.toContain("a");
    });

    it("is refused for files", () => {
      const file = made("a");
      expect(guest.call("fd_readdir", file, BUFFER, 100, 0n, OUT)).toBe("NOTCAPABLE");
    });
  });

  it("keeps times to the nanosecond", () => {
    const fd = made("file");
    for (const time of [
      0n,
      1n,
      999_999_999n,
      1_700_000_000_123_456_789n,
      2n ** 63n + 12345n,
      18_000_000_000_999_999_999n,
    ]) {
      expect(guest.call("fd_filestat_set_times", fd, time, time + 1n, 5)).toBe("SUCCESS");
      expect(guest.call("fd_filestat_get", fd, BUFFER)).toBe("SUCCESS");
      expect(guest.memory.getBigUint64(BUFFER + 40, true)).toBe(time);
      expect(guest.memory.getBigUint64(BUFFER + 48, true)).toBe(time + 1n);
    }
    expect(guest.call("path_filestat_set_times", ROOT, 0, ...guest.path("file"), 77n, 0n, 1)).toBe("SUCCESS");
    expect(guest.call("path_filestat_get", ROOT, 0, ...guest.path("file"), BUFFER)).toBe("SUCCESS");
    expect(guest.memory.getBigUint64(BUFFER + 40, true)).toBe(77n);
    expect(guest.memory.getBigUint64(BUFFER + 48, true)).toBe(18_000_000_001_000_000_000n);
  });

  it("gives those rights that apply to the type of file, and takes them away for good", () => {
    const rights = (fd: number): bigint[] => {
      expect(guest.call("fd_fdstat_get", fd, BUFFER)).toBe("SUCCESS");
      return [guest.memory.getBigUint64(BUFFER + 8, true), guest.memory.getBigUint64(BUFFER + 16, true)];
    };
    const file = made("file");
    expect(rights(file)).toEqual([BigInt(RIGHTS_REGULAR_FILE), 0n]);
    expect(rights(ROOT)).toEqual([BigInt(RIGHTS_DIRECTORY), RIGHTS_ALL]);
    // Bits that are no rights are nothing to ask for, and nothing to get.
    const all = guest.open(ROOT, "file", { base: 2n ** 64n - 1n, inheriting: 2n ** 64n - 1n }) as number;
    expect(rights(all)).toEqual([BigInt(RIGHTS_REGULAR_FILE), 0n]);
    expect(guest.call("fd_fdstat_set_rights", file, 2n, 0n)).toBe("SUCCESS");
    expect(guest.write(file, "x")).toBe("NOTCAPABLE");
    expect(guest.call("fd_seek", file, 0n, 0, OUT)).toBe("NOTCAPABLE");
    expect(guest.call("fd_tell", file, OUT)).toBe("NOTCAPABLE");
    expect(guest.call("fd_fdstat_set_rights", file, 66n, 0n)).toBe("NOTCAPABLE");
    expect(rights(file)).toEqual([2n, 0n]);
  });

  it("renumbers: the old number is gone, what was there is closed, rights go along", () => {
    const a = made("a");
    const b = made("b");
    expect(guest.write(a, "from a")).toBe(6);
    expect(guest.call("fd_fdstat_set_rights", a, BigInt(RIGHTS_REGULAR_FILE) & ~64n, 0n)).toBe("SUCCESS");
    expect(guest.call("fd_renumber", a, 99)).toBe("BADF");
    expect(guest.call("fd_renumber", a, a)).toBe("SUCCESS");
    expect(guest.call("fd_renumber", a, b)).toBe("SUCCESS");
    expect(guest.call("fd_tell", a, OUT)).toBe("BADF");
    expect(guest.write(b, "x")).toBe("NOTCAPABLE");
    expect(guest.call("fd_seek", b, 0n, 0, OUT)).toBe("SUCCESS");
    expect(guest.read(b)).toBe("from a");
    // A preopened directory stays one under its new number.
    const c = made("c");
    expect(guest.call("fd_renumber", ROOT, c)).toBe("SUCCESS");
    expect(guest.call("fd_prestat_get", ROOT, BUFFER)).toBe("BADF");
    expect(guest.call("fd_prestat_get", c, BUFFER)).toBe("SUCCESS");
    expect(guest.memory.getUint32(BUFFER + 4, true)).toBe(1);
  });

  it("appends, seeks and tells with offsets beyond 4 GiB", () => {
    const fd = guest.open(ROOT, "log", { oflags: CREATE, fdflags: 1 }) as number;
    expect(guest.write(fd, "one")).toBe(3);
    expect(guest.call("fd_seek", fd, 0n, 0, OUT)).toBe("SUCCESS");
    expect(guest.write(fd, "two")).toBe(3);
    expect(guest.call("fd_tell", fd, OUT)).toBe("SUCCESS");
    expect(guest.memory.getBigUint64(OUT, true)).toBe(6n);
    expect(guest.call("fd_seek", fd, 2n ** 40n + 5n, 0, OUT)).toBe("SUCCESS");
    expect(guest.call("fd_seek", fd, -3n, 1, OUT)).toBe("SUCCESS");
    expect(guest.memory.getBigUint64(OUT, true)).toBe(2n ** 40n + 2n);
  });

  it("says what poll_oneoff's files have: bytes to read, the end of the input, errors one by one", () => {
    const fd = made("file");
    guest.write(fd, "12345");
    guest.call("fd_seek", fd, 2n, 0, OUT);
    const { memory } = guest;
    const subscribe = (index: number, userdata: bigint, type: number, file: number): void => {
      const at = BUFFER + 4096 + index * 48;
      guest.bytes.fill(0, at, at + 48);
      memory.setBigUint64(at, userdata, true);
      memory.setUint8(at + 8, type);
      memory.setUint32(at + 16, file, true);
    };
    subscribe(0, 2n ** 64n - 1n, 1, fd);
    subscribe(1, 2n, 1, 0); // standard input, at its end
    subscribe(2, 3n, 2, 1);
    subscribe(3, 4n, 1, 1); // not open for reading
    subscribe(4, 5n, 1, 55);
    subscribe(5, 6n, 0, 2); // a clock of CPU time
    expect(guest.call("poll_oneoff", BUFFER + 4096, BUFFER, 6, OUT)).toBe("SUCCESS");
    const events = Array.from({ length: memory.getUint32(OUT, true) }, (_, index) => {
      const at = BUFFER + index * 32;
      return [
        memory.getBigUint64(at, true),
        memory.getUint16(at + 8, true),
        memory.getUint8(at + 10),
        memory.getBigUint64(at + 16, true),
        memory.getUint16(at + 24, true),
      ];
    });
    expect(events).toEqual([
      [2n ** 64n - 1n, 0, 1, 3n, 0],
      [2n, 0, 1, 0n, 1],
      [3n, 0, 2, 1n, 0],
      [4n, 76, 1, 0n, 0],
      [5n, 8, 1, 0n, 0],
      [6n, 58, 0, 0n, 0],
    ]);
  });

  it("gives arguments and environment, in UTF-8", () => {
    const strings = (sizes: string, get: string): string[] => {
      expect(guest.call(sizes, OUT, OUT + 4)).toBe("SUCCESS");
      const count = guest.memory.getUint32(OUT, true);
      const bytes = guest.memory.getUint32(OUT + 4, true);
      guest.bytes.fill(0xee, BUFFER, BUFFER + bytes + 8);
      expect(guest.call(get, OUT + 8, BUFFER)).toBe("SUCCESS");
      expect(guest.memory.getUint8(BUFFER + bytes)).toBe(0xee);
      const text = guest.text(BUFFER, bytes);
      const starts = Array.from(
        { length: count },
        (_, index) => guest.memory.getUint32(OUT + 8 + 4 * index, true) - BUFFER,
      );
      const all = text.split("\0").slice(0, -1);
      expect(starts).toEqual(
        all.map(
          (_, index) =>
            new TextEncoder().encode(
              all
                .slice(0, index)
                .map((one) => `${one}\0`)
                .join(""),
            ).length,
        ),
      );
      return all;
    };
    expect(strings("args_sizes_get", "args_get")).toEqual(["guest", "one", "zwei €"]);
    expect(strings("environ_sizes_get", "environ_get")).toEqual(["A=b", "Ü=1 2"]);
  });

  it("refuses names that are no text", () => {
    expect(guest.open(ROOT, "a\0b", { oflags: CREATE })).toBe("INVAL");
    expect(guest.open(ROOT, "", { oflags: CREATE })).toBe("NOENT");
    expect(guest.open(ROOT, "x".repeat(256), { oflags: CREATE })).toBe("NAMETOOLONG");
    expect(guest.call("path_create_directory", ROOT, ...guest.path(Uint8Array.of(0x61, 0xff)))).toBe("ILSEQ");
    expect(guest.call("path_create_directory", ROOT, 1024, 0x7fffffff)).toMatch(/NAMETOOLONG|FAULT/);
    expect(guest.call("path_create_directory", ROOT, 1024, -1)).toMatch(/NAMETOOLONG|FAULT/);
  });

  it("lets a signal that nobody handles end the program, and ignores the others", async () => {
    for (const ignored of [0, 16, 17, 22, 27]) expect(guest.call("proc_raise", ignored)).toBe("SUCCESS");
    for (const stops of [18, 19, 20, 21]) expect(guest.call("proc_raise", stops)).toBe("NOTSUP");
    expect(() => guest.call("proc_raise", 6)).toThrow();
    expect((await guest.machine.exited).code).toBe(134);
  });
});

describe("what a WASI program is given", () => {
  it("finds listening sockets from descriptor 3 on, then volumes, then what else is preopened", async () => {
    const guest = await WasiGuest.boot({
      publish: { 80: 0, 8080: 0 },
      volumes: { "/src": { host: "kernel", readOnly: true }, "/docs": "host" },
      preopens: { "kernel files": "/src/fs", scratch: "/tmp/" },
      env: { LISTEN_FDS: "77" },
    });
    try {
      const seen: unknown[] = [];
      for (let fd = 3; guest.call("fd_prestat_get", fd, OUT) === "SUCCESS"; fd++) {
        const length = guest.memory.getUint32(OUT + 4, true);
        if (guest.memory.getUint8(OUT) === 1) {
          expect(guest.call("fd_prestat_dir_name", fd, BUFFER, 64)).toBe("BADF");
          expect(guest.call("fd_fdstat_get", fd, BUFFER)).toBe("SUCCESS");
          seen.push(guest.memory.getUint8(BUFFER));
        } else {
          expect(guest.call("fd_prestat_dir_name", fd, BUFFER, length - 1)).toBe("NAMETOOLONG");
          expect(guest.call("fd_prestat_dir_name", fd, BUFFER, length)).toBe("SUCCESS");
          seen.push(guest.text(BUFFER, length));
        }
      }
      expect(seen).toEqual([6, 6, "/docs", "kernel files", "scratch"]);
      expect(guest.open(6, "path.ts", { base: 2n })).toBeTypeOf("number");
      expect(guest.open(6, "path.ts", { base: 64n })).toBe("ROFS");
      expect(guest.open(6, "new", { oflags: CREATE })).toBe("ROFS");
      expect(guest.call("environ_sizes_get", OUT, OUT + 4)).toBe("SUCCESS");
      expect(guest.call("environ_get", OUT, BUFFER)).toBe("SUCCESS");
      expect(guest.text(BUFFER, 40)).toContain("LISTEN_FDS=2\0LISTEN_FDNAMES=80:8080\0");
    } finally {
      await guest.end();
    }
  });

  it("is refused where there is no such folder", async () => {
    await expect(WasiGuest.boot({ preopens: { "/": "/nowhere" } })).rejects.toThrow(/preopen \/nowhere/);
    await expect(WasiGuest.boot({ preopens: { "/": "tmp" } })).rejects.toThrow(/absolute/);
  });
});

describe("the page of the WASI calls", () => {
  it("is up to date: npm run docs", () => {
    expect(readFileSync("kernel/syscall/wasi/README.md", "utf8")).toBe(wasiPage(WASI_TABLE));
  });
});
