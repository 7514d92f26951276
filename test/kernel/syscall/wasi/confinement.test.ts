/**
 * No way out of a preopened directory: `..`, absolute paths, links, links made and folders moved by the program itself, descriptors of folders that
 * move, magic links, and a host that swaps a folder for a link all the time. In memory and on a volume.
 */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { BUFFER, OUT, RIGHTS_ALL, WasiGuest } from "./wasi-guest.ts";

const SECRET = "nobody should see this";
const DIRECTORY_RIGHTS = RIGHTS_ALL & ~((2n ** 6n) | (2n ** 8n) | (2n ** 22n));
const FOLLOW = 1;
const OPEN_DIRECTORY = 2;
const CREATE = 1;
const ROOT = 3;

describe.each(["memory", "volume"] as const)("a preopened directory in %s", (where) => {
  let scratch: string;
  let guest: WasiGuest;

  beforeEach(async () => {
    // outside/secret and inside/...: the program is given `inside`.
    scratch = mkdtempSync(join(realpathSync(tmpdir()), "ringzero-confined-"));
    if (where === "volume") {
      for (const folder of ["outside", "inside/folder/deep"]) mkdirSync(join(scratch, folder), { recursive: true });
      writeFileSync(join(scratch, "outside/secret"), SECRET);
      writeFileSync(join(scratch, "inside/file"), "mine");
      symlinkSync(join(scratch, "outside/secret"), join(scratch, "inside/absolute"));
      guest = await WasiGuest.boot({ volumes: { "/all": scratch }, preopens: { "/": "/all/inside" } });
    } else {
      guest = await WasiGuest.boot({ preopens: { "/": "/tmp" } });
      for (const folder of ["folder", "folder/deep"])
        expect(guest.call("path_create_directory", ROOT, ...guest.path(folder))).toBe("SUCCESS");
      const fd = guest.open(ROOT, "file", { oflags: CREATE }) as number;
      expect(guest.write(fd, "mine")).toBe(4);
      guest.call("fd_close", fd);
    }
  });
  afterEach(async () => {
    await guest.end();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** A path that leads to something outside, if it leads anywhere. */
  const outside = where === "volume" ? "outside/secret" : "etc/hostname";

  it("refuses paths that lead out", () => {
    for (const path of [
      `../${outside}`,
      `folder/../../${outside}`,
      `folder/deep/../../../${outside}`,
      `./.././${outside}`,
      `folder/..//../${outside}`,
      "..",
      "../",
      "folder/../..",
      "../inside/file",
      "../tmp/file",
      `/${outside}`,
      "/",
      "//",
      "/file",
    ]) {
      for (const lookup of [0, FOLLOW]) expect(guest.open(ROOT, path, { lookup }), path).toBe("NOTCAPABLE");
      expect(guest.call("path_filestat_get", ROOT, FOLLOW, ...guest.path(path), BUFFER), path).toBe("NOTCAPABLE");
      expect(guest.call("path_create_directory", ROOT, ...guest.path(`${path}/new`)), path).toBe("NOTCAPABLE");
      expect(guest.call("path_unlink_file", ROOT, ...guest.path(path)), path).toBe("NOTCAPABLE");
      expect(guest.call("path_remove_directory", ROOT, ...guest.path(path)), path).toBe("NOTCAPABLE");
      expect(guest.call("path_readlink", ROOT, ...guest.path(path), BUFFER, 64, OUT), path).toBe("NOTCAPABLE");
      expect(guest.call("path_filestat_set_times", ROOT, 0, ...guest.path(path), 0n, 0n, 5), path).toBe("NOTCAPABLE");
      const [from, to] = [guest.path(path), guest.path("here", 1)];
      for (const [a, b] of [
        [from, to],
        [guest.path("file", 2), from],
      ] as const) {
        expect(guest.call("path_rename", ROOT, ...a, ROOT, ...b), path).toBe("NOTCAPABLE");
        expect(guest.call("path_link", ROOT, 0, ...a, ROOT, ...b), path).toBe("NOTCAPABLE");
      }
      expect(guest.call("path_symlink", ...to, ROOT, ...guest.path(`${path}/link`)), path).toBe("NOTCAPABLE");
    }
    const fd = guest.open(ROOT, "folder/./deep/../../file", { base: 2n });
    expect(guest.read(fd as number)).toBe("mine");
  });

  it("refuses links that lead out, however they came there", () => {
    expect(guest.call("path_symlink", ...guest.path("/etc/hostname"), ROOT, ...guest.path("abs", 1))).toBe(
      "NOTCAPABLE",
    );
    for (const [name, target] of [
      ["up", ".."],
      ["secret", `../${outside}`],
      ["folder/secret", `../../${outside}`],
      ["twice", "up/.."],
      ["chain", "secret"],
      ["back", "folder/../../inside/file"],
    ] as const) {
      expect(guest.call("path_symlink", ...guest.path(target), ROOT, ...guest.path(name, 1)), name).toBe("SUCCESS");
    }
    for (const path of ["up", "up/", "up/x", `up/${outside}`, "secret", "folder/secret", "twice", "chain", "back"]) {
      expect(guest.open(ROOT, path, { lookup: FOLLOW }), path).toBe("NOTCAPABLE");
      expect(guest.call("path_filestat_get", ROOT, FOLLOW, ...guest.path(path), BUFFER), path).toBe("NOTCAPABLE");
    }
    // As the last component, not followed: the link itself.
    expect(guest.open(ROOT, "secret")).toBe("LOOP");
    expect(guest.call("path_filestat_get", ROOT, 0, ...guest.path("secret"), BUFFER)).toBe("SUCCESS");
    if (where === "volume") expect(guest.open(ROOT, "absolute", { lookup: FOLLOW })).toBe("NOTCAPABLE");
  });

  it("refuses to leave a folder that was opened, also once it has moved", () => {
    const deep = guest.open(ROOT, "folder/deep", { oflags: OPEN_DIRECTORY, base: DIRECTORY_RIGHTS }) as number;
    expect(guest.open(deep, "..")).toBe("NOTCAPABLE");
    expect(guest.open(deep, "../../file")).toBe("NOTCAPABLE");
    expect(guest.call("path_rename", ROOT, ...guest.path("folder/deep"), ROOT, ...guest.path("moved", 1))).toBe(
      "SUCCESS",
    );
    expect(guest.open(deep, "../file")).toBe("NOTCAPABLE");
    expect(guest.call("path_create_directory", deep, ...guest.path("a"))).toBe("SUCCESS");
    expect(guest.call("path_create_directory", deep, ...guest.path("a/b"))).toBe("SUCCESS");
    const inner = guest.open(ROOT, "moved/a", { oflags: OPEN_DIRECTORY, base: DIRECTORY_RIGHTS }) as number;
    // Out of the opened folder with what it is open as, and the walk goes by what it has walked.
    expect(guest.call("path_rename", ROOT, ...guest.path("moved/a/b"), ROOT, ...guest.path("folder/b", 1))).toBe(
      "SUCCESS",
    );
    expect(guest.open(inner, "b/..")).toBe("NOENT");
    expect(guest.open(inner, "..")).toBe("NOTCAPABLE");
  });

  it("gives no right that the folder does not pass on", () => {
    const limited = guest.open(ROOT, "folder", {
      oflags: OPEN_DIRECTORY,
      base: DIRECTORY_RIGHTS,
      inheriting: 2n | (1n << 13n) | (1n << 14n),
    }) as number;
    expect(guest.open(limited, "deep", { base: 2n, inheriting: 0n })).toBeTypeOf("number");
    for (const base of [64n, RIGHTS_ALL, 1n << 21n])
      expect(guest.open(limited, "deep", { base, inheriting: 0n })).toBe("NOTCAPABLE");
    expect(guest.open(limited, "deep", { base: 2n, inheriting: 64n })).toBe("NOTCAPABLE");
    expect(guest.open(limited, "deep", { base: 2n, inheriting: 0n, fdflags: 2 })).toBe("NOTCAPABLE");
    const next = guest.open(limited, "deep", { base: 2n | (1n << 13n), inheriting: 2n }) as number;
    expect(guest.open(next, "x", { oflags: CREATE, base: 2n, inheriting: 0n })).toBe("NOTCAPABLE");
    expect(guest.call("fd_fdstat_set_rights", next, RIGHTS_ALL, 0n)).toBe("NOTCAPABLE");
    expect(guest.call("fd_fdstat_set_rights", next, 1n << 40n, 0n)).toBe("NOTCAPABLE");
    expect(guest.call("fd_fdstat_set_rights", next, 0n, 2n)).toBe("SUCCESS");
    expect(guest.open(next, "x", { base: 0n, inheriting: 0n })).toBe("NOTCAPABLE");
  });
});

describe("the machine's own tree", () => {
  it("has no magic links for a WASI program", async () => {
    const guest = await WasiGuest.boot({ preopens: { "/p": "/proc/self", "/": "/" } });
    try {
      for (const path of ["root", "root/etc/hostname", "cwd", "exe", "fd/0", "fd/3/status"]) {
        expect(guest.open(ROOT, path, { lookup: FOLLOW, base: 2n }), path).toMatch(/NOTCAPABLE|NOENT/);
      }
      expect(guest.open(ROOT, "root", { lookup: FOLLOW, base: 2n })).toBe("NOTCAPABLE");
    } finally {
      await guest.end();
    }
  });

  it("is not there unless it is asked for: a program without folders has none", async () => {
    const guest = await WasiGuest.boot();
    try {
      expect(guest.call("fd_prestat_get", 3, BUFFER)).toBe("BADF");
      for (let fd = 0; fd < 8; fd++) expect(guest.open(fd, "etc/hostname")).toMatch(/NOTDIR|BADF/);
    } finally {
      await guest.end();
    }
  });
});

describe("a host that plays against it", () => {
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), "ringzero-race-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("swaps a folder for a link that leads out, again and again: nothing of the outside is ever read or written", async () => {
    for (const folder of ["outside", "inside/real"]) mkdirSync(join(scratch, folder), { recursive: true });
    writeFileSync(join(scratch, "outside/file"), SECRET);
    writeFileSync(join(scratch, "inside/real/file"), "mine");
    symlinkSync("../outside", join(scratch, "inside/out"));
    const swaps = new Int32Array(new SharedArrayBuffer(8));
    // inside/name is now the folder, now the link.
    const worker = new Worker(
      `const { renameSync } = require("node:fs"); const { workerData: { folder, swaps } } = require("node:worker_threads");
       const to = (a, b) => renameSync(folder + "/" + a, folder + "/" + b);
       while (!Atomics.load(swaps, 1)) { to("real", "name"); to("name", "real"); to("out", "name"); to("name", "out"); Atomics.add(swaps, 0, 1); }`,
      { eval: true, workerData: { folder: join(scratch, "inside"), swaps } },
    );
    const guest = await WasiGuest.boot({ volumes: { "/v": join(scratch, "inside") } });
    const seen = new Set<string>();
    try {
      for (let round = 0; round < 200_000 && (Atomics.load(swaps, 0) < 300 || !seen.has("mine")); round++) {
        for (const path of ["name/file", "name/../name/file", "real/../name/file"]) {
          const fd = guest.open(ROOT, path, { lookup: FOLLOW, base: 2n });
          if (typeof fd === "string") seen.add(fd);
          else {
            seen.add(guest.read(fd));
            guest.call("fd_close", fd);
          }
        }
        const made = guest.open(ROOT, "name/made", { lookup: FOLLOW, oflags: CREATE, base: 64n });
        if (typeof made === "number") guest.call("fd_close", made);
      }
    } finally {
      Atomics.store(swaps, 1, 1);
      await new Promise((resolve) => worker.once("exit", resolve));
      await guest.end();
    }
    expect(Atomics.load(swaps, 0)).toBeGreaterThan(0);
    expect([...seen]).toContain("mine");
    expect([...seen]).not.toContain(SECRET);
    expect(() => readFileSync(join(scratch, "outside/made"))).toThrow(/ENOENT/);
    expect(readFileSync(join(scratch, "outside/file"), "utf8")).toBe(SECRET);
  });
});
