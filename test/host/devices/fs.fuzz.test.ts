/**
 * A hostile guest against the virtio-fs device: malformed messages, names that lead elsewhere, requests whose reply has no room. Whatever comes:
 * no exception, every chain comes back, a reply is well-formed, and nothing outside the folder is touched. The seed is printed on
 * failure; RINGZERO_SEED replays it.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsDevice } from "../../../host/devices/fs.ts";
import { EBADF, EINVAL, ENAMETOOLONG, ENOENT, ENOSYS, ENXIO, ESTALE } from "../../../kernel/abi/errno.ts";
import { O_CREAT, O_RDWR, O_WRONLY } from "../../../kernel/abi/fcntl.ts";
import * as fuse from "../../../kernel/fs/fuse/protocol.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { KERNEL_RAM_BASE, PhysicalMemory } from "../../../kernel/mem/physical.ts";
import { VirtioDriver } from "../../../kernel/virtio/driver.ts";
import { VIRTIO_ID_FS } from "../../../kernel/virtio/transport.ts";
import type { Virtqueue } from "../../../kernel/virtio/virtqueue.ts";

let base: string;
let folder: string;
let memory: PhysicalMemory;
let device: FsDevice;
let queues: Virtqueue[];
let request: number;
let reply: number;
const lines: string[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringzero-fuzz-"));
  folder = join(base, "shared");
  mkdirSync(folder);
  mkdirSync(join(base, "outside"));
  writeFileSync(join(base, "outside", "secret"), "secret");
  writeFileSync(join(folder, "file"), "contents");
  mkdirSync(join(folder, "dir"));
  symlinkSync(join(base, "outside"), join(folder, "link"));
  memory = new PhysicalMemory(new GuestMemory(new WebAssembly.Memory({ initial: 2 })), 1024 * 1024);
  lines.length = 0;
  device = new FsDevice(memory, { folder, log: (line) => void lines.push(line) });
  const virtio = new VirtioDriver(memory, device.mmio, { name: "fs", deviceId: VIRTIO_ID_FS });
  queues = [virtio.queue(0, 64), virtio.queue(1, 64), virtio.queue(2, 64)];
  virtio.ready();
  request = memory.allocate(32768);
  reply = memory.allocate(32768);
});

afterEach(async () => {
  while (device.busy > 0) await new Promise((resolve) => setImmediate(resolve));
  device.close();
  rmSync(base, { recursive: true });
});

function header(opcode: number, nodeId: number, length: number, unique = 77): DataView {
  const view = new DataView(memory.kernelBytes.buffer, request - KERNEL_RAM_BASE, 32768);
  for (let i = 0; i < length; i++) view.setUint8(i, 0);
  view.setUint32(fuse.IN_LEN, length, true);
  view.setUint32(fuse.IN_OPCODE, opcode, true);
  fuse.setU64(view, fuse.IN_UNIQUE, unique);
  fuse.setU64(view, fuse.IN_NODEID, nodeId);
  return view;
}

/** Sends what lies at `request`; the bytes used. -1: the chain did not come back. */
function send(queueIndex: number, readable: number, writable: number, split = false): number {
  const queue = queues[queueIndex] as Virtqueue;
  queue.begin();
  if (split && readable > 7) {
    queue.addReadable(request, 7);
    queue.addReadable(request + 7, readable - 7);
  } else queue.addReadable(request, readable);
  if (split && writable > 5) {
    queue.addWritable(reply, 5);
    queue.addWritable(reply + 5, writable - 5);
  } else queue.addWritable(reply, writable);
  if (!queue.submit(1)) return -1;
  queue.kick();
  return queue.popUsed() ? queue.usedLength : -1;
}

function replyView(): DataView {
  return new DataView(memory.kernelBytes.buffer, reply - KERNEL_RAM_BASE, 32768);
}

/** Sends a request with names; the error, 0 if it went well. */
function call(opcode: number, nodeId: number, args: number[], names: string[]): number {
  const bytes = Buffer.concat([
    Buffer.from(new Uint32Array(args).buffer),
    ...names.map((name) => Buffer.from(`${name}\0`, "latin1")),
  ]);
  const view = header(opcode, nodeId, fuse.IN_HEADER_BYTES + bytes.length);
  for (const [i, byte] of bytes.entries()) view.setUint8(fuse.IN_HEADER_BYTES + i, byte);
  expect(send(1, fuse.IN_HEADER_BYTES + bytes.length, 4096)).toBeGreaterThanOrEqual(16);
  return replyView().getInt32(fuse.OUT_ERROR, true);
}

describe("virtio-fs device, hostile guest", () => {
  it("refuses names that are no single component", () => {
    for (const name of ["..", ".", "../outside", "/etc/passwd", "dir/../../outside", "a/b", "dir/"]) {
      expect(call(fuse.FUSE_LOOKUP, 1, [], [name]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_MKDIR, 1, [0o755, 0], [name]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_UNLINK, 1, [], [name]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_RMDIR, 1, [], [name]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_CREATE, 1, [O_WRONLY | O_CREAT, 0o644, 0, 0], [name]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_SYMLINK, 1, [], [name, "x"]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_RENAME2, 1, [1, 0, 0, 0], ["file", name]), name).toBe(-EINVAL);
      expect(call(fuse.FUSE_RENAME2, 1, [1, 0, 0, 0], [name, "new"]), name).toBe(-EINVAL);
    }
    expect(call(fuse.FUSE_LOOKUP, 1, [], [""])).toBe(-EINVAL);
    expect(call(fuse.FUSE_LOOKUP, 1, [], ["file\0hidden"])).toBe(-EINVAL);
    expect(call(fuse.FUSE_LOOKUP, 1, [], ["x".repeat(256)])).toBe(-ENAMETOOLONG);
    expect(readdirSync(folder).sort()).toEqual(["dir", "file", "link"]);
  });

  it("never follows a link, whatever is asked of it", () => {
    expect(call(fuse.FUSE_LOOKUP, 1, [], ["link"])).toBe(0);
    const link = fuse.getU64(replyView(), 16);
    expect(call(fuse.FUSE_LOOKUP, link, [], ["secret"])).toBeLessThan(0);
    expect(call(fuse.FUSE_OPEN, link, [O_RDWR, 0], [])).toBe(-ENXIO);
    expect(call(fuse.FUSE_OPENDIR, link, [0, 0], [])).toBeLessThan(0);
    expect(call(fuse.FUSE_CREATE, link, [O_WRONLY | O_CREAT, 0o644, 0, 0], ["planted"])).toBeLessThan(0);
    expect(call(fuse.FUSE_CREATE, 1, [O_WRONLY | O_CREAT, 0o644, 0, 0], ["link"])).toBe(-ENXIO);
    expect(call(fuse.FUSE_RENAME2, 1, [link, 0, 0, 0], ["file", "moved"])).toBeLessThan(0);
    expect(
      call(fuse.FUSE_SETATTR, link, [fuse.FATTR_MODE, ...new Array(16).fill(0), 0o777, 0, 0, 0, 0], []),
    ).toBeLessThan(0);
    expect(readdirSync(join(base, "outside"))).toEqual(["secret"]);
  });

  it("a directory replaced by a link behind its back is still the directory", () => {
    expect(call(fuse.FUSE_LOOKUP, 1, [], ["dir"])).toBe(0);
    const dir = fuse.getU64(replyView(), 16);
    writeFileSync(join(folder, "dir", "secret"), "harmless");
    rmSync(join(folder, "dir"), { recursive: true });
    symlinkSync(join(base, "outside"), join(folder, "dir"));
    expect(call(fuse.FUSE_LOOKUP, dir, [], ["secret"])).toBe(-ENOENT);
    expect(call(fuse.FUSE_UNLINK, dir, [], ["secret"])).toBeLessThan(0);
    expect(call(fuse.FUSE_CREATE, dir, [O_WRONLY | O_CREAT, 0o644, 0, 0], ["planted"])).toBeLessThan(0);
    expect(readdirSync(join(base, "outside"))).toEqual(["secret"]);
  });

  it("unknown opcodes, nodes and handles; truncated requests and replies", () => {
    header(4711, 1, fuse.IN_HEADER_BYTES);
    expect(send(1, fuse.IN_HEADER_BYTES, 16)).toBe(16);
    expect(replyView().getInt32(fuse.OUT_ERROR, true)).toBe(-ENOSYS);
    expect(fuse.getU64(replyView(), fuse.OUT_UNIQUE)).toBe(77);
    expect(call(fuse.FUSE_GETATTR, 999, [0, 0, 0, 0], [])).toBe(-ESTALE);
    expect(call(fuse.FUSE_READ, 1, [5, 0, 0, 0, 100, 0, 0, 0, 0, 0], [])).toBe(-EBADF);
    expect(call(fuse.FUSE_RELEASE, 1, [5, 0, 0, 0, 0, 0], [])).toBe(-EBADF);
    expect(call(fuse.FUSE_GETATTR, 1, [0], [])).toBe(-EINVAL);
    header(fuse.FUSE_GETATTR, 1, 56);
    expect(send(1, 20, 4096)).toBe(16); // not even a header
    expect(send(1, 55, 4096)).toBe(16); // its own length is another
    expect(replyView().getInt32(fuse.OUT_ERROR, true)).toBe(-EINVAL);
    expect(send(1, 56, 40)).toBe(16); // no room for the attributes
    expect(replyView().getInt32(fuse.OUT_ERROR, true)).toBe(-EINVAL);
    expect(send(1, 56, 8)).toBe(0); // no room for anything
    expect(send(1, 56, 0)).toBe(0);
  });

  it("a create whose reply has no room creates nothing", () => {
    const name = Buffer.from("new\0");
    const length = fuse.IN_HEADER_BYTES + fuse.CREATE_IN_BYTES + name.length;
    const view = header(fuse.FUSE_CREATE, 1, length);
    view.setUint32(40, O_WRONLY | O_CREAT, true);
    for (const [i, byte] of name.entries()) view.setUint8(56 + i, byte);
    expect(send(1, length, 100)).toBe(16);
    expect(readdirSync(folder)).not.toContain("new");
  });

  it("random messages, on every queue", async () => {
    const seed = Number(process.env.RINGZERO_SEED ?? Date.now() % 1_000_000_000);
    const random = generator(seed);
    const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
    const opcodes = [
      1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 25, 26, 27, 28, 29, 30, 34, 35, 38, 42, 44, 45,
      46,
    ];
    const names = [
      "file",
      "dir",
      "link",
      "..",
      ".",
      "../outside/secret",
      "new",
      "a/b",
      "",
      "\xff\xfe",
      "x".repeat(300),
    ];
    const numbers = [0, 1, 2, 3, 4, 5, 8, 64, 255, 0o644, 0o1002, 0o100644, 0x7fffffff, 0x80000000, 0xffffffff];
    let sent = 0;
    let came = 0;
    try {
      for (let i = 0; i < 20_000; i++) {
        const queueIndex = random(3);
        const queue = queues[queueIndex] as Virtqueue;
        const argumentWords = random(24);
        const tail = pick([
          Buffer.alloc(0),
          Buffer.from(`${pick(names)}\0`, "latin1"),
          Buffer.from(`${pick(names)}\0${pick(names)}\0`, "latin1"),
        ]);
        const length = fuse.IN_HEADER_BYTES + argumentWords * 4 + tail.length;
        const view = header(pick(opcodes), pick(numbers), length, i + 1);
        for (let w = 0; w < argumentWords; w++) view.setUint32(40 + w * 4, pick(numbers), true);
        for (const [k, byte] of tail.entries()) view.setUint8(40 + argumentWords * 4 + k, byte);
        if (random(10) === 0) view.setUint32(fuse.IN_LEN, pick(numbers), true);
        const readable = random(8) === 0 ? 1 + random(length) : length;
        const writable = pick([0, 8, 16, 24, 32, 144, 160, 4096]);
        const used = send(queueIndex, readable, writable, random(3) === 0);
        sent++;
        if (used >= 0) {
          came++;
          expect(used).toBeLessThanOrEqual(writable);
          if (used >= 16) expect(replyView().getUint32(fuse.OUT_LEN, true)).toBe(used);
        } else {
          // Handed over: it comes back within some turns of the loop, or another one's does.
          while (queue.outstanding > 0) {
            await new Promise((resolve) => setImmediate(resolve));
            while (queue.popUsed()) came++;
          }
        }
      }
      expect(came).toBe(sent);
      expect(lines).toEqual([]);
      expect(readFileSync(join(base, "outside", "secret"), "utf8")).toBe("secret");
      expect(readdirSync(base).sort()).toEqual(["outside", "shared"]);
      expect(readdirSync(join(base, "outside"))).toEqual(["secret"]);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  });
});

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
