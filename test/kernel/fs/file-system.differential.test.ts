/**
 * The VFS over ramfs and over virtio-fs against Linux itself: random scripts of calls on paths, the same ones through node:fs on a real folder.
 * Every result (an errno's name, or what was read) and the tree at the end must agree. The seed is part of the failure; RINGZERO_SEED
 * replays it. On other hosts than Linux there is nothing to compare with.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FsDevice } from "../../../host/devices/fs.ts";
import { errnoName } from "../../../kernel/abi/errno.ts";
import { mountVirtioFs } from "../../../kernel/fs/fuse/mount.ts";
import { RamFs } from "../../../kernel/fs/ramfs.ts";
import { Guest, kernelWithVfs, mountAt } from "./guest.ts";

const SCRIPTS = 60;
const CALLS = 150;
const OPEN_FLAGS = [
  constants.O_RDONLY,
  constants.O_WRONLY | constants.O_CREAT,
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
  constants.O_RDWR | constants.O_TRUNC,
  constants.O_WRONLY | constants.O_APPEND,
  constants.O_RDONLY | constants.O_DIRECTORY,
  constants.O_RDONLY | constants.O_NOFOLLOW,
];

type Call =
  | { readonly name: "open"; readonly path: string; readonly flags: number; readonly text: string }
  | { readonly name: "mkdir" | "rmdir" | "unlink" | "stat" | "lstat" | "readlink" | "get"; readonly path: string }
  | { readonly name: "rename" | "link" | "symlink"; readonly path: string; readonly to: string };

describe.runIf(process.platform === "linux")("path calls, compared with Linux", () => {
  for (const subject of ["ramfs", "virtio-fs", "virtio-fs without /proc"]) {
    it(`${subject} agrees on every result of random scripts`, () => {
      const seed = Number(process.env.RINGZERO_SEED ?? Date.now() % 1_000_000_000);
      for (let i = 0; i < SCRIPTS; i++) runScript(subject, seed + i);
    }, 60_000);
  }
});

function runScript(subject: string, seed: number): void {
  const base = mkdtempSync(join(tmpdir(), "ringzero-diff-"));
  const oracle = join(base, "oracle", "p");
  mkdirSync(oracle, { recursive: true });
  const kernel = kernelWithVfs();
  let device: FsDevice | null = null;
  if (subject === "ramfs") mountAt(kernel, new RamFs(kernel, 1 << 24), "/mnt");
  else {
    const folder = join(base, "shared");
    mkdirSync(folder);
    device = new FsDevice(kernel.physical, { folder, byPath: subject !== "virtio-fs" });
    mountVirtioFs(kernel, device.mmio, "/mnt", false);
  }
  const g = new Guest(kernel);
  g.mkdir("/mnt/p");
  const random = generator(seed);
  const history: string[] = [];
  try {
    for (let i = 0; i < CALLS; i++) {
      const call = newCall(random);
      history.push(JSON.stringify(call));
      const wanted = native(call, oracle);
      const got = emulated(call, g);
      expect(got, `${subject}, seed ${seed}, call ${i}: ${history.slice(-6).join("\n")}`).toEqual(wanted);
    }
    expect(treeOf(g, "/mnt/p"), `${subject}, seed ${seed}: the tree`).toEqual(nativeTree(oracle));
  } finally {
    device?.close();
    rmSync(base, { recursive: true });
  }
}

function newCall(random: (below: number) => number): Call {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const path = (): string => {
    const parts = Array.from({ length: 1 + random(3) }, () => pick(["a", "b", "c", "d", "e", "."]));
    if (parts.length > 1 && random(5) === 0) parts[1] = "..";
    return parts.join(random(12) === 0 ? "//" : "/") + (random(8) === 0 ? "/" : "");
  };
  const name = pick([
    "open",
    "open",
    "open",
    "mkdir",
    "mkdir",
    "rmdir",
    "unlink",
    "stat",
    "lstat",
    "readlink",
    "get",
    "rename",
    "rename",
    "rename",
    "link",
    "symlink",
    "symlink",
  ] as const);
  switch (name) {
    case "open":
      return { name, path: path(), flags: pick(OPEN_FLAGS), text: pick(["", "x", "hello", "y".repeat(300)]) };
    case "symlink":
      return { name, path: pick(["a", "b", "c", "a/b", "d/", ".", "c/d"]), to: path() };
    case "rename":
    case "link":
      return { name, path: path(), to: path() };
    default:
      return { name, path: path() };
  }
}

function native(call: Call, root: string): unknown {
  const at = (path: string): string => `${root}/${path}`;
  try {
    switch (call.name) {
      case "open": {
        const fd = openSync(at(call.path), call.flags, 0o644);
        try {
          const writes = (call.flags & 3) !== constants.O_RDONLY;
          return writes ? writeSync(fd, call.text) : fstatSync(fd).isDirectory() ? "directory" : "opened";
        } finally {
          closeSync(fd);
        }
      }
      case "mkdir":
        return mkdirSync(at(call.path)) ?? 0;
      case "rmdir":
        return rmdirSync(at(call.path)) ?? 0;
      case "unlink":
        return unlinkSync(at(call.path)) ?? 0;
      case "stat":
        return described(statSync(at(call.path)));
      case "lstat":
        return described(lstatSync(at(call.path)));
      case "readlink":
        return readlinkSync(at(call.path));
      case "get":
        return readFileSync(at(call.path), "utf8");
      case "rename":
        return renameSync(at(call.path), at(call.to)) ?? 0;
      case "link":
        return linkSync(at(call.path), at(call.to)) ?? 0;
      case "symlink":
        return symlinkSync(call.path, at(call.to)) ?? 0;
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

function emulated(call: Call, g: Guest): unknown {
  const at = (path: string): string => `/mnt/p/${path}`;
  switch (call.name) {
    case "open": {
      const fd = g.open(at(call.path), call.flags, 0o644);
      if (fd < 0) return errnoName(fd);
      const stat = g.fstat(fd);
      const writes = (call.flags & 3) !== constants.O_RDONLY;
      const isDirectory = typeof stat !== "number" && (stat.mode & 0o170000) === 0o040000;
      const result = writes ? g.write(fd, call.text) : isDirectory ? "directory" : "opened";
      g.close(fd);
      return named(result);
    }
    case "mkdir":
      return named(g.mkdir(at(call.path)));
    case "rmdir":
      return named(g.rmdir(at(call.path)));
    case "unlink":
      return named(g.unlink(at(call.path)));
    case "stat":
    case "lstat": {
      const stat = g.stat(at(call.path), call.name === "stat");
      return typeof stat === "number" ? errnoName(stat) : described(stat);
    }
    case "readlink":
      return named(g.readlink(at(call.path)));
    case "get": {
      const fd = g.open(at(call.path));
      if (fd < 0) return errnoName(fd);
      const text = g.read(fd, 65536);
      g.close(fd);
      return named(text);
    }
    case "rename":
      return named(g.rename(at(call.path), at(call.to)));
    case "link":
      return named(g.link(at(call.path), at(call.to)));
    case "symlink":
      return named(g.symlink(call.path, at(call.to)));
  }
}

function named(result: unknown): unknown {
  return typeof result === "number" && result < 0 ? errnoName(result) : result;
}

/** What must agree; the size of a directory is the file system's own affair, and so is its link count. */
function described(stat: { mode: number; size: number; nlink: number }): unknown {
  const type = stat.mode & 0o170000;
  return type === 0o040000 ? { type } : { type, size: stat.size, nlink: stat.nlink };
}

function treeOf(g: Guest, path: string): unknown {
  const stat = g.stat(path, false);
  if (typeof stat === "number") return errnoName(stat);
  if ((stat.mode & 0o170000) === 0o120000) return `-> ${g.readlink(path)}`;
  if ((stat.mode & 0o170000) !== 0o040000) return g.get(path);
  return Object.fromEntries(g.list(path).map((name) => [name, treeOf(g, `${path}/${name}`)]));
}

function nativeTree(path: string): unknown {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (!stat.isDirectory()) return existsSync(path) ? readFileSync(path, "utf8") : null;
  return Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, nativeTree(join(path, name))]),
  );
}

/** Mulberry32. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
