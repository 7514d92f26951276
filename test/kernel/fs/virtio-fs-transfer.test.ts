/**
 * virtio-fs: parked and asynchronous transfers, failures of the host, read-only volumes, the inode cache, and links that point out of the folder.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsDevice, type FsDeviceOptions } from "../../../host/devices/fs.ts";
import { EIO, ENOSPC } from "../../../kernel/abi/errno.ts";
import { O_APPEND, O_CREAT, O_RDWR, O_WRONLY } from "../../../kernel/abi/fcntl.ts";
import { submitRead, submitSync, submitWrite } from "../../../kernel/fs/async-file.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { mountVirtioFs } from "../../../kernel/fs/fuse/mount.ts";
import type { FuseSession } from "../../../kernel/fs/fuse/session.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { sys_fsync, sys_read, sys_write } from "../../../kernel/syscall/file.ts";
import { VIRTIO_MMIO_STATUS } from "../../../kernel/virtio/transport.ts";
import type { TestKernel } from "../fixture.ts";
import { Guest, kernelWithVfs, must, said } from "./guest.ts";

const MIB = 1024 * 1024;
/** Guest memory behind the buffers that Guest uses. */
const FAR = 4 * 65536;

let folder: string;
let kernel: TestKernel;
let g: Guest;
let device: FsDevice;
let session: FuseSession;
let interrupts = 0;

function mount(options: Partial<FsDeviceOptions> = {}): void {
  device = new FsDevice(kernel.physical, { folder, ...options });
  session = mountVirtioFs(kernel, device.mmio, "/mnt", options.readOnly ?? false);
  device.mmio.onInterrupt = () => void interrupts++;
}

/** Turns of the host's loop until the device has nothing under way; then the interrupt is handled. */
async function settle(): Promise<void> {
  while (device.busy > 0) await new Promise((resolve) => setImmediate(resolve));
  session.handleInterrupt(kernel);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-fs-"));
  kernel = kernelWithVfs();
  kernel.mem.memory.grow(64);
  kernel.mem.has(0, kernel.mem.size);
  g = new Guest(kernel);
  interrupts = 0;
});

afterEach(async () => {
  while (device.busy > 0) await new Promise((resolve) => setImmediate(resolve));
  device.close();
  rmSync(folder, { recursive: true });
});

describe("virtio-fs transfers", () => {
  it("a large write parks a thread and moves guest memory to the host's file; a large read brings it back", async () => {
    mount();
    const fd = must(g.open("/mnt/big", O_RDWR | O_CREAT));
    const bytes = kernel.mem.u8.subarray(FAR, FAR + 2 * MIB);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) >>> 3;
    const expected = Buffer.from(bytes);
    const thread = kernel.thread();
    expect(thread.call(() => sys_write(kernel, fd, FAR, 2 * MIB))).toBe(WOULD_BLOCK);
    expect(thread.parked).toBe(true);
    await settle();
    expect(interrupts).toBeGreaterThan(0);
    expect(thread.retry()).toBe(2 * MIB);
    expect(readFileSync(join(folder, "big")).equals(expected)).toBe(true);
    bytes.fill(0);
    must(g.lseek(fd, 0, 0));
    expect(thread.call(() => sys_read(kernel, fd, FAR, 2 * MIB))).toBe(WOULD_BLOCK);
    await settle();
    expect(thread.retry()).toBe(2 * MIB);
    expect(Buffer.from(bytes).equals(expected)).toBe(true);
    expect(g.lseek(fd, 0, 1)).toBe(2 * MIB);
  });

  it("fsync(2) parks a thread; a callback, which cannot park, gets it done at once", async () => {
    mount();
    const fd = must(g.open("/mnt/a", O_RDWR | O_CREAT));
    const thread = kernel.thread();
    expect(thread.call(() => sys_fsync(kernel, fd))).toBe(WOULD_BLOCK);
    await settle();
    expect(thread.retry()).toBe(0);
    expect(kernel.thread(false).call(() => sys_fsync(kernel, fd))).toBe(0);
  });

  it("a call whose descriptor was closed and reused while it was parked does not take the other file's place", async () => {
    mount();
    const fd = must(g.open("/mnt/a", O_RDWR | O_CREAT));
    const thread = kernel.thread();
    expect(thread.call(() => sys_fsync(kernel, fd))).toBe(WOULD_BLOCK);
    must(g.close(fd));
    expect(g.open("/mnt/b", O_RDWR | O_CREAT)).toBe(fd);
    await settle();
    expect(said(thread.retry())).toBe("EBADF");
  });

  it("asynchronous writes of one file keep their order, the file's offset and its appends; close waits for them", async () => {
    mount();
    const fd = must(g.open("/mnt/log", O_WRONLY | O_CREAT | O_APPEND));
    const file = kernel.fds.get(fd) as File;
    const results: number[] = [];
    const completion = { complete: (result: number) => void results.push(result) };
    const sizes = [5, MIB, 7, MIB + 3, 11];
    let at = FAR;
    const expected: Buffer[] = [];
    for (const [i, size] of sizes.entries()) {
      kernel.mem.u8.fill(65 + i, at, at + size);
      expected.push(Buffer.alloc(size, 65 + i));
      submitWrite(kernel, file, at, size, -1, completion);
      at += size;
    }
    submitSync(kernel, file, true, completion);
    must(g.close(fd));
    while (results.length < 6) {
      await settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(results).toEqual([...sizes, 0]);
    expect(readFileSync(join(folder, "log")).equals(Buffer.concat(expected))).toBe(true);
  });

  it("asynchronous reads of other files complete at once: memory, devices", () => {
    mount();
    must(g.mkdir("/tmp"));
    g.put("/tmp/x", "in memory");
    const file = kernel.fds.get(must(g.open("/tmp/x"))) as File;
    const results: number[] = [];
    submitRead(kernel, file, FAR, 100, 3, { complete: (result) => void results.push(result) });
    expect(results).toEqual([6]);
    expect(kernel.mem.text(FAR, 6)).toBe("memory");
  });

  it("passes the host's failures on: a full disk, a short write, a failing sync", async () => {
    mount({
      faults: {
        write: (nth, length) => (nth === 2 ? -ENOSPC : nth === 3 ? 2 : length),
        sync: (nth) => (nth === 1 ? -EIO : 0),
      },
    });
    const fd = must(g.open("/mnt/a", O_RDWR | O_CREAT));
    expect(g.write(fd, "one")).toBe(3);
    expect(said(g.write(fd, "two"))).toBe("ENOSPC");
    expect(g.write(fd, "three")).toBe(2);
    expect(g.write(fd, "four")).toBe(4);
    expect(g.get("/mnt/a")).toBe("onethfour");
    expect(said(g.fsync(fd))).toBe("EIO");
    expect(g.fsync(fd)).toBe(0);
  });

  it("a device that dies fails what is under way and what comes with EIO", async () => {
    mount();
    const fd = must(g.open("/mnt/a", O_RDWR | O_CREAT));
    const thread = kernel.thread();
    expect(thread.call(() => sys_fsync(kernel, fd))).toBe(WOULD_BLOCK);
    device.mmio.needsReset("test");
    session.handleInterrupt(kernel);
    expect(said(thread.retry())).toBe("EIO");
    expect(said(g.write(fd, "x"))).toBe("EIO");
    expect(said(g.open("/mnt/a"))).toBe("EIO");
    expect(device.mmio.read(VIRTIO_MMIO_STATUS)).toBe(0);
    expect(kernel.lines.join()).toContain("out of service");
    await settle();
  });
});

describe("virtio-fs volumes", () => {
  it("read-only: EROFS for every change, from the VFS and from the device itself", () => {
    writeFileSync(join(folder, "a"), "x");
    mkdirSync(join(folder, "d"));
    mount({ readOnly: true });
    expect(g.get("/mnt/a")).toBe("x");
    const changes = [
      g.open("/mnt/a", O_WRONLY),
      g.open("/mnt/new", O_WRONLY | O_CREAT),
      g.mkdir("/mnt/m"),
      g.unlink("/mnt/a"),
      g.rmdir("/mnt/d"),
      g.rename("/mnt/a", "/mnt/b"),
      g.link("/mnt/a", "/mnt/b"),
      g.symlink("a", "/mnt/l"),
      g.chmod("/mnt/a", 0o600),
      g.utimens("/mnt/a", 1, 1),
    ];
    for (const result of changes) expect(said(result)).toBe("EROFS");
    expect(said(g.access("/mnt/a", 2))).toBe("EROFS");
    // The same device, mounted by a kernel that does not care.
    const careless = kernelWithVfs();
    const again = new FsDevice(careless.physical, { folder, readOnly: true });
    mountVirtioFs(careless, again.mmio, "/mnt", false);
    const h = new Guest(careless);
    for (const result of [
      h.open("/mnt/a", O_WRONLY),
      h.open("/mnt/n", O_CREAT),
      h.mkdir("/mnt/m"),
      h.unlink("/mnt/a"),
    ]) {
      expect(said(result)).toBe("EROFS");
    }
    again.close();
    expect(readdirSync(folder).sort()).toEqual(["a", "d"]);
  });

  it("links of the host that point out of the folder lead into the guest's own tree", () => {
    const secret = mkdtempSync(join(tmpdir(), "ringzero-secret-"));
    writeFileSync(join(secret, "key"), "secret");
    symlinkSync(join(secret, "key"), join(folder, "absolute"));
    symlinkSync("../../../../../../../../etc/hostname", join(folder, "up"));
    symlinkSync(secret, join(folder, "dir"));
    mount();
    must(g.mkdir("/etc"));
    g.put("/etc/hostname", "the guest's own");
    expect(said(g.open("/mnt/absolute"))).toBe("ENOENT");
    expect(said(g.open("/mnt/dir/key"))).toBe("ENOENT");
    expect(g.get("/mnt/up")).toBe("the guest's own");
    expect(said(g.open("/mnt/absolute", O_WRONLY | O_CREAT))).toBe("ENOENT");
    expect(g.get("/mnt/../etc/hostname")).toBe("the guest's own");
    expect(readFileSync(join(secret, "key"), "utf8")).toBe("secret");
    rmSync(secret, { recursive: true });
  });

  it("forgets what it does not need: a thousand files do not hold a thousand descriptors", () => {
    mount();
    const before = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 1000; i++) g.put(`/mnt/f${i}`, `${i}`);
    expect(readdirSync("/proc/self/fd").length - before).toBeLessThan(600);
    for (let i = 0; i < 1000; i += 37) expect(g.get(`/mnt/f${i}`)).toBe(`${i}`);
  });

  it("a working directory and its ancestors survive any number of other files", () => {
    mount();
    must(g.mkdir("/mnt/a"));
    must(g.mkdir("/mnt/a/b"));
    must(g.chdir("/mnt/a/b"));
    for (let i = 0; i < 1200; i++) g.put(`/mnt/f${i}`, "");
    expect(g.getcwd()).toBe("/mnt/a/b");
    g.put("../x", "X");
    expect(g.get("/mnt/a/x")).toBe("X");
  });

  it("mounts are crossed both ways and cannot be removed or renamed", () => {
    mount();
    must(g.mkdir("/mnt/inner"));
    g.put("/mnt/a", "x");
    must(g.mkdir("/tmp"));
    expect(said(g.rename("/mnt/a", "/tmp/a"))).toBe("EXDEV");
    expect(said(g.link("/mnt/a", "/tmp/a"))).toBe("EXDEV");
    expect(said(g.rmdir("/mnt"))).toBe("EBUSY");
    expect(said(g.rename("/mnt", "/other"))).toBe("EBUSY");
    must(g.chdir("/mnt/inner"));
    expect(g.list("../..")).toEqual(["mnt", "tmp"]);
    expect(g.list("/mnt/inner/../../../..")).toEqual(["mnt", "tmp"]);
    expect(existsSync(join(folder, "inner"))).toBe(true);
  });
});
