/**
 * Every WASI call with every pointer leading nowhere, with descriptors that are closed or lack the right, and with huge vectors: an errno, and machine and
 * host live on.
 *
 * `GOOD` gives each row a call that works: without a line here a new row fails the test.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RIGHTS_ALL as ALL } from "../../../../kernel/abi/wasi.ts";
import type { WasiRow } from "../../../../kernel/syscall/wasi/row.ts";
import { WASI_TABLE } from "../../../../kernel/syscall/wasi/table.ts";
import { BUFFER, MEMORY_BYTES, OUT, WasiGuest } from "./wasi-guest.ts";

const VECTOR = 10000;
const SUBSCRIPTION = 12000;
const STRUCT = 16384;
const PATH = 20000;
const LINK = 21000;
const NEW = 22000;

interface Descriptors {
  readonly root: number;
  readonly file: number;
  readonly folder: number;
  readonly listener: number;
}

type Argument = number | bigint;

/** Arguments that work. */
const GOOD: Record<string, (d: Descriptors) => Argument[]> = {
  args_get: () => [STRUCT, BUFFER],
  args_sizes_get: () => [STRUCT, STRUCT + 4],
  environ_get: () => [STRUCT, BUFFER],
  environ_sizes_get: () => [STRUCT, STRUCT + 4],
  clock_res_get: () => [0, STRUCT],
  clock_time_get: () => [1, 0n, STRUCT],
  fd_advise: (d) => [d.file, 0n, 10n, 0],
  fd_allocate: (d) => [d.file, 0n, 10n],
  fd_close: (d) => [d.file],
  fd_datasync: (d) => [d.file],
  fd_fdstat_get: (d) => [d.file, STRUCT],
  fd_fdstat_set_flags: (d) => [d.file, 0],
  fd_fdstat_set_rights: (d) => [d.file, 0n, 0n],
  fd_filestat_get: (d) => [d.file, STRUCT],
  fd_filestat_set_size: (d) => [d.file, 10n],
  fd_filestat_set_times: (d) => [d.file, 0n, 0n, 5],
  fd_pread: (d) => [d.file, VECTOR, 1, 0n, STRUCT],
  fd_prestat_get: (d) => [d.root, STRUCT],
  fd_prestat_dir_name: (d) => [d.root, STRUCT, 1],
  fd_pwrite: (d) => [d.file, VECTOR, 1, 0n, STRUCT],
  fd_read: (d) => [d.file, VECTOR, 1, STRUCT],
  fd_readdir: (d) => [d.folder, BUFFER, 100, 0n, STRUCT],
  fd_renumber: (d) => [d.file, d.folder],
  fd_seek: (d) => [d.file, 0n, 0, STRUCT],
  fd_sync: (d) => [d.file],
  fd_tell: (d) => [d.file, STRUCT],
  fd_write: (d) => [d.file, VECTOR, 1, STRUCT],
  path_create_directory: (d) => [d.root, NEW, 3],
  path_filestat_get: (d) => [d.root, 0, PATH, 4, STRUCT],
  path_filestat_set_times: (d) => [d.root, 0, PATH, 4, 0n, 0n, 5],
  path_link: (d) => [d.root, 0, PATH, 4, d.root, NEW, 3],
  path_open: (d) => [d.root, 0, PATH, 4, 0, 2n, 0n, 0, STRUCT],
  path_readlink: (d) => [d.root, LINK, 4, BUFFER, 64, STRUCT],
  path_remove_directory: (d) => [d.root, NEW, 3],
  path_rename: (d) => [d.root, PATH, 4, d.root, NEW, 3],
  path_symlink: (d) => [PATH, 4, d.root, NEW, 3],
  path_unlink_file: (d) => [d.root, PATH, 4],
  poll_oneoff: () => [SUBSCRIPTION, BUFFER, 1, STRUCT],
  proc_exit: () => [0],
  proc_raise: () => [0],
  random_get: () => [BUFFER, 16],
  sched_yield: () => [],
  sock_accept: (d) => [d.listener, 0, STRUCT],
  sock_recv: (d) => [d.listener, VECTOR, 1, 0, STRUCT, STRUCT + 8],
  sock_send: (d) => [d.listener, VECTOR, 1, 0, STRUCT],
  sock_shutdown: (d) => [d.listener, 3],
};

const BAD_POINTERS = [0xffffffff | 0, 0xfffffff0 | 0, 0x80000000 | 0, 0x7fffffff, MEMORY_BYTES, MEMORY_BYTES - 1];
/** A single byte at the end of memory is enough for these. */
const ONE_BYTE = new Set(["fd_prestat_dir_name.path", "environ_get.environ_buf"]);

describe("WASI calls with bad arguments", () => {
  let guest: WasiGuest;
  let descriptors: Descriptors;

  beforeAll(async () => {
    guest = await WasiGuest.boot({ preopens: { "/": "/tmp" }, args: ["a"], env: { A: "b" }, publish: { 80: 0 } });
  });
  afterAll(() => guest.end());

  /** Everything as GOOD wants it: files and folders made anew, descriptors opened. */
  function prepare(): void {
    for (const name of ["fil", "file", "fol", "new"]) guest.call("path_unlink_file", 4, ...guest.path(name));
    for (const name of ["new", "fold"]) guest.call("path_remove_directory", 4, ...guest.path(name));
    guest.call("path_unlink_file", 4, ...guest.path("link"));
    const file = guest.open(4, "file", { oflags: 1 }) as number;
    expect(guest.write(file, "0123456789")).toBe(10);
    expect(guest.call("path_create_directory", 4, ...guest.path("fold"))).toBe("SUCCESS");
    expect(guest.call("path_symlink", ...guest.path("file"), 4, ...guest.path("link", 1))).toBe("SUCCESS");
    const folder = guest.open(4, "fold", {
      oflags: 2,
      base: BigInt(ALL) & ~((2n ** 6n) | (2n ** 8n) | (2n ** 22n)),
    }) as number;
    descriptors = { root: 4, file, folder, listener: 3 };
    const { memory, bytes } = guest;
    bytes.fill(0, VECTOR, BUFFER + 4096);
    for (const [at, text] of [
      [PATH, "file"],
      [LINK, "link"],
      [NEW, "new"],
    ] as const)
      bytes.set(new TextEncoder().encode(text), at);
    memory.setUint32(VECTOR, BUFFER, true);
    memory.setUint32(VECTOR + 4, 8, true);
  }

  function restore(): void {
    guest.call("fd_close", descriptors.file);
    guest.call("fd_close", descriptors.folder);
  }

  const good = ({ name }: WasiRow): Argument[] => {
    const line = GOOD[name];
    if (!line) throw new Error(`${name} needs a line in GOOD`);
    return line(descriptors);
  };

  for (const row of WASI_TABLE) {
    row.parameters.forEach((parameter, index) => {
      if (parameter.kind !== "ptr") return;
      it(`${row.name}: ${parameter.name} that leads nowhere`, () => {
        for (const bad of BAD_POINTERS) {
          prepare();
          if (bad === MEMORY_BYTES - 1 && ONE_BYTE.has(`${row.name}.${parameter.name}`)) continue;
          const args = good(row);
          args[index] = bad;
          // On a listener these look at the vector first, and then at what the socket is.
          const expected = /^sock_(recv|send)$/.test(row.name) ? /FAULT|NOTCONN|INVAL|PIPE/ : /^FAULT$/;
          expect(guest.call(row.name, ...args), `${row.name}(${args.join(", ")})`).toMatch(expected);
          restore();
        }
      });
    });

    if (row.parameters.some(({ kind }) => kind === "fd")) {
      it(`${row.name}: descriptors that are not open`, () => {
        prepare();
        row.parameters.forEach(({ kind }, index) => {
          if (kind !== "fd") return;
          for (const bad of [-1, -100, 77, 0x7fffffff, -0x80000000]) {
            const args = good(row);
            args[index] = bad;
            expect(guest.call(row.name, ...args), `${row.name}(${args.join(", ")})`).toBe("BADF");
          }
        });
        restore();
      });
    }

    if (
      row.parameters[0]?.kind === "fd" &&
      !/^fd_(close|fdstat_get|fdstat_set_rights|prestat|renumber)|^sock_/.test(row.name)
    ) {
      it(`${row.name}: without the right to it`, () => {
        prepare();
        const args = good(row);
        const mine = guest.open(4, args[0] === descriptors.file ? "file" : ".", {
          base: BigInt(ALL) & (args[0] === descriptors.file ? -1n : ~((2n ** 6n) | (2n ** 8n) | (2n ** 22n))),
        }) as number;
        args[0] = mine;
        expect(guest.call("fd_fdstat_set_rights", mine, 0n, 0n)).toBe("SUCCESS");
        expect(guest.call(row.name, ...args)).toBe("NOTCAPABLE");
        guest.call("fd_close", mine);
        restore();
      });
    }
  }

  it("has a line for every row, and no other", () => {
    expect(Object.keys(GOOD).sort()).toEqual(WASI_TABLE.map(({ name }) => name));
    expect(WASI_TABLE).toHaveLength(46);
  });

  it.each(["fd_read", "fd_write", "fd_pread", "fd_pwrite"])("%s: vectors that are too long or too large", (name) => {
    prepare();
    const { memory } = guest;
    const { file } = descriptors;
    const call = (iovs: number, count: number): string =>
      name.startsWith("fd_p")
        ? guest.call(name, file, iovs, count, 0n, STRUCT)
        : guest.call(name, file, iovs, count, STRUCT);
    expect(call(VECTOR, 0x7fffffff)).toBe("INVAL");
    expect(call(VECTOR, -1)).toBe("INVAL");
    expect(call(VECTOR, 1025)).toBe("INVAL");
    memory.setUint32(VECTOR + 4, 0xffffffff, true);
    expect(call(VECTOR, 1)).toBe("INVAL");
    memory.setUint32(VECTOR + 4, 0x7fffffff, true);
    expect(call(VECTOR, 1)).toBe("FAULT");
    memory.setUint32(VECTOR, 0xfffffff0, true);
    memory.setUint32(VECTOR + 4, 32, true);
    expect(call(VECTOR, 1)).toBe("FAULT");
    // The second piece is bad: nothing of the first one has been transferred.
    memory.setUint32(VECTOR, BUFFER, true);
    memory.setUint32(VECTOR + 4, 4, true);
    memory.setUint32(VECTOR + 8, MEMORY_BYTES - 2, true);
    memory.setUint32(VECTOR + 12, 4, true);
    expect(call(VECTOR, 2)).toBe("FAULT");
    expect(guest.call("fd_tell", file, OUT)).toBe("SUCCESS");
    expect(memory.getUint32(OUT, true)).toBe(10);
    expect(call(VECTOR, 0)).toBe("SUCCESS");
    restore();
  });

  it("refuses offsets, sizes and counts that are none", () => {
    prepare();
    const { file } = descriptors;
    const huge = 2n ** 63n - 1n;
    expect(guest.call("fd_pread", file, VECTOR, 1, -1n, STRUCT)).toBe("INVAL");
    expect(guest.call("fd_pwrite", file, VECTOR, 1, huge, STRUCT)).toBe("INVAL");
    expect(guest.call("fd_seek", file, -11n, 1, STRUCT)).toBe("INVAL");
    expect(guest.call("fd_seek", file, huge, 0, STRUCT)).toBe("INVAL");
    expect(guest.call("fd_seek", file, 0n, 3, STRUCT)).toBe("INVAL");
    expect(guest.call("fd_filestat_set_size", file, -1n)).toBe("INVAL");
    expect(guest.call("fd_filestat_set_size", file, 2n ** 62n)).toMatch(/INVAL|FBIG/);
    expect(guest.call("fd_allocate", file, -1n, 1n)).toBe("INVAL");
    expect(guest.call("fd_allocate", file, 2n ** 53n, 2n ** 53n)).toMatch(/FBIG|INVAL/);
    expect(guest.call("fd_advise", file, 0n, 0n, 6)).toBe("INVAL");
    expect(guest.call("fd_filestat_set_times", file, 0n, 0n, 3)).toBe("INVAL");
    expect(guest.call("fd_filestat_set_times", file, 0n, 0n, 16)).toBe("INVAL");
    expect(guest.call("fd_fdstat_set_flags", file, 32)).toBe("INVAL");
    expect(guest.call("fd_fdstat_set_flags", file, 16)).toBe("NOTSUP");
    expect(guest.call("poll_oneoff", SUBSCRIPTION, BUFFER, 0, STRUCT)).toBe("INVAL");
    expect(guest.call("poll_oneoff", SUBSCRIPTION, BUFFER, -1, STRUCT)).toBe("FAULT");
    guest.bytes[SUBSCRIPTION + 8] = 9;
    expect(guest.call("poll_oneoff", SUBSCRIPTION, BUFFER, 1, STRUCT)).toBe("INVAL");
    expect(guest.call("clock_res_get", 4, STRUCT)).toBe("INVAL");
    expect(guest.call("clock_time_get", -1, 0n, STRUCT)).toBe("INVAL");
    expect(guest.call("proc_raise", 31)).toBe("INVAL");
    expect(guest.call("random_get", BUFFER, -1)).toBe("FAULT");
    restore();
  });

  it("leaves the machine alive", () => {
    expect(guest.call("clock_res_get", 0, STRUCT)).toBe("SUCCESS");
  });
});
