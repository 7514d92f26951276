/**
 * Locks on a volume that two machines have: what one of them locks is refused to the other, waits end when the lock does, and a machine that
 * is gone locks nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsDevice } from "../../../../host/devices/fs.ts";
import {
  F_GETLK,
  F_RDLCK,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_RDWR,
} from "../../../../kernel/abi/fcntl.ts";
import { mountVirtioFs } from "../../../../kernel/fs/fuse/mount.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine, type TestThread } from "../../process/linux-fixture.ts";

/** A machine with the folder, and the file open. */
class Party {
  readonly m = new LinuxMachine();
  readonly device: FsDevice;
  readonly fd: number;

  constructor(folder: string) {
    this.device = new FsDevice(this.m.physical, { folder });
    this.m.machine.attach(this.device.mmio, mountVirtioFs(this.m.process, this.device.mmio, "/v", false));
    this.fd = this.m.must("open", "/v/file", O_RDWR, 0);
  }

  record(type: number, start: number, length: number): void {
    const { mem } = this.m.process;
    mem.u8.fill(0, BUFFER, BUFFER + 32);
    mem.setU16(BUFFER, type);
    mem.setI64(BUFFER + 8, start);
    mem.setI64(BUFFER + 16, length);
  }

  lock(type: number, start = 0, length = 0): number | string {
    this.record(type, start, length);
    return this.m.call("fcntl", this.fd, F_SETLK, BUFFER);
  }

  /** F_GETLK of a write lock on everything: the type of what is in the way. */
  asked(): number {
    this.record(F_WRLCK, 0, 0);
    expect(this.m.call("fcntl", this.fd, F_GETLK, BUFFER)).toBe(0);
    return this.m.process.mem.getU16(BUFFER);
  }

  waitsFor(type: number): TestThread {
    const thread = this.m.thread();
    this.record(type, 0, 0);
    expect(thread.call("fcntl", this.fd, F_SETLKW, BUFFER)).toBe(WOULD_BLOCK);
    return thread;
  }
}

let folder: string;
let a: Party;
let b: Party;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-locks-"));
  writeFileSync(join(folder, "file"), "contents");
  a = new Party(folder);
  b = new Party(folder);
});
afterEach(() => {
  for (const party of [a, b]) party.device.close();
  rmSync(folder, { recursive: true });
});

describe.skipIf(process.platform !== "linux")("two machines on one volume", () => {
  it("write alone and read together", () => {
    expect(a.lock(F_WRLCK, 0, 10)).toBe(0);
    expect(b.lock(F_WRLCK, 100, 10)).toBe("EAGAIN"); // of the whole file: machines are not as fine as processes
    expect(b.lock(F_RDLCK)).toBe("EAGAIN");
    expect(b.asked()).toBe(F_WRLCK);
    expect(a.asked()).toBe(F_UNLCK);
    expect(a.lock(F_RDLCK, 0, 10)).toBe(0);
    expect(b.lock(F_RDLCK, 5, 10)).toBe(0);
    expect(a.lock(F_WRLCK, 0, 10)).toBe("EAGAIN");
    expect(b.lock(F_UNLCK)).toBe(0);
    expect(a.lock(F_WRLCK, 0, 10)).toBe(0);
    expect(b.asked()).toBe(F_WRLCK);
    expect(a.lock(F_UNLCK, 0, 5)).toBe(0); // some of it is left
    expect(b.lock(F_RDLCK)).toBe("EAGAIN");
    expect(a.lock(F_UNLCK, 0, 100)).toBe(0);
    expect(b.lock(F_WRLCK)).toBe(0);
    expect(a.asked()).toBe(F_WRLCK);
  });

  it("keep their flocks apart as well", () => {
    expect(a.m.call("flock", a.fd, LOCK_SH)).toBe(0);
    expect(b.m.call("flock", b.fd, LOCK_SH)).toBe(0);
    expect(b.m.call("flock", b.fd, LOCK_EX | LOCK_NB)).toBe("EAGAIN");
    expect(a.m.call("flock", a.fd, LOCK_UN)).toBe(0);
    expect(b.m.call("flock", b.fd, LOCK_EX | LOCK_NB)).toBe(0);
    expect(a.m.call("flock", a.fd, LOCK_SH | LOCK_NB)).toBe("EAGAIN");
  });

  it("wait for each other", () => {
    expect(a.lock(F_WRLCK)).toBe(0);
    const waiting = b.waitsFor(F_RDLCK);
    for (let round = 0; round < 5; round++) {
      b.m.advance(25);
      expect(waiting.parked).toBe(true);
    }
    expect(a.lock(F_UNLCK)).toBe(0);
    b.m.advance(25);
    expect(waiting.parked).toBe(false);
    expect(waiting.result).toBe(0);
    expect(a.lock(F_WRLCK)).toBe("EAGAIN");
  });

  it("lose their locks with a close, and with their end", () => {
    expect(a.lock(F_WRLCK)).toBe(0);
    a.m.must("close", a.fd);
    expect(b.lock(F_WRLCK)).toBe(0);
    b.device.close();
    const c = new Party(folder);
    expect(c.lock(F_WRLCK)).toBe(0);
    c.m.machine.end({ code: 0, reason: null });
    const d = new Party(folder);
    expect(d.lock(F_WRLCK)).toBe(0);
    for (const party of [c, d]) party.device.close();
  });

  it("keep what they had when more is refused", () => {
    expect(a.lock(F_RDLCK, 0, 1)).toBe(0);
    expect(b.lock(F_RDLCK, 1, 1)).toBe(0);
    for (const party of [a, b]) expect(party.lock(F_WRLCK, 2, 1)).toBe("EAGAIN");
    const c = new Party(folder);
    expect(c.lock(F_WRLCK)).toBe("EAGAIN");
    expect(a.lock(F_UNLCK)).toBe(0);
    expect(c.lock(F_WRLCK)).toBe("EAGAIN");
    expect(b.lock(F_UNLCK)).toBe(0);
    expect(c.lock(F_WRLCK)).toBe(0);
    c.device.close();
  });
});
