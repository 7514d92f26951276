/**
 * Shared mappings: what is written to them reaches the file, other mappings and other processes; what is written to the file reaches them. On
 * both file systems that have mappable files.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FsDevice } from "../../../host/devices/fs.ts";
import { AT_FDCWD, O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC } from "../../../kernel/abi/fcntl.ts";
import { FUTEX_OWNER_DIED, FUTEX_WAIT, FUTEX_WAITERS, FUTEX_WAKE } from "../../../kernel/abi/futex.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_SYNC,
  PROT_READ,
  PROT_WRITE,
} from "../../../kernel/abi/mman.ts";
import { mountVirtioFs } from "../../../kernel/fs/fuse/mount.ts";
import type { Process } from "../../../kernel/process/process.ts";
import { BUFFER, LinuxMachine } from "../process/linux-fixture.ts";

const PAGE = 4096;
const RW = PROT_READ | PROT_WRITE;

let cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const act of cleanUp.reverse()) act();
  cleanUp = [];
});

interface Place {
  readonly machine: LinuxMachine;
  readonly folder: string;
  /** What the file system's own owner sees: the host, for a volume. */
  contents(name: string): string;
}

const PLACES: readonly [name: string, make: () => Place][] = [
  [
    "ramfs",
    () => {
      const machine = new LinuxMachine();
      return {
        machine,
        folder: "/tmp",
        contents: (name) => {
          const fd = machine.must("openat", AT_FDCWD, `/tmp/${name}`, O_RDONLY, 0);
          const count = machine.must("pread64", fd, BUFFER, 65536, 0);
          machine.must("close", fd);
          return machine.text(BUFFER, count);
        },
      };
    },
  ],
  [
    "virtio-fs",
    () => {
      const machine = new LinuxMachine();
      const hostFolder = mkdtempSync(join(tmpdir(), "ringzero-map-"));
      const device = new FsDevice(machine.physical, { folder: hostFolder });
      machine.machine.attach(device.mmio, mountVirtioFs(machine.process, device.mmio, "/mnt", false));
      cleanUp.push(() => {
        device.close();
        rmSync(hostFolder, { recursive: true });
      });
      return { machine, folder: "/mnt", contents: (name) => readFileSync(join(hostFolder, name), "utf8") };
    },
  ],
];

function file(m: LinuxMachine, path: string, text: string, flags = O_RDWR | O_CREAT): number {
  const fd = m.must("openat", AT_FDCWD, path, flags, 0o644);
  m.put(BUFFER, text);
  if (text.length > 0) m.must("pwrite64", fd, BUFFER, text.length, 0);
  return fd;
}

function shared(m: LinuxMachine, fd: number, size = PAGE, offset = 0, prot = RW): number {
  return m.must("mmap", 0, size, prot, MAP_SHARED, fd, offset);
}

function pread(m: LinuxMachine, fd: number, count: number, offset = 0): string {
  return m.text(BUFFER, m.must("pread64", fd, BUFFER, count, offset));
}

/** The process ends by a call of its own. */
function ends(m: LinuxMachine, process: Process): void {
  expect(() => m.thread(process).call("exit_group", 0)).toThrow();
}

function textOf({ mem }: Process, ptr: number, length: number): string {
  return mem.text(ptr, length);
}

function put({ mem }: Process, ptr: number, text: string): void {
  mem.u8.set(new TextEncoder().encode(text), ptr);
}

describe.each(PLACES)("shared mappings of files on %s", (_name, make) => {
  it("show the file, with zeroes behind its end", () => {
    const { machine: m, folder } = make();
    const fd = file(m, `${folder}/f`, "hello world");
    const dirty = m.must("mmap", 0, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m.process.mem.u8.fill(0xff, dirty, dirty + 2 * PAGE);
    m.must("munmap", dirty, 2 * PAGE);
    const at = shared(m, fd, 2 * PAGE);
    expect(at).toBe(dirty);
    expect(m.text(at, 11)).toBe("hello world");
    expect(m.process.mem.u8.subarray(at + 11, at + 2 * PAGE).every((byte) => byte === 0)).toBe(true);
  });

  it("reach the file before somebody reads it, at msync, at munmap, and at the end of the process", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, "0123456789");
    const at = shared(m, fd);
    m.put(at, "a");
    expect(pread(m, fd, 10)).toBe("a123456789");
    m.put(at + 1, "b");
    expect(m.call("msync", at, PAGE, MS_ASYNC)).toBe(0);
    expect(contents("f")).toBe("ab23456789");
    m.put(at + 9, "cJUNK");
    expect(m.call("close", fd)).toBe(0);
    expect(m.call("munmap", at, PAGE)).toBe(0);
    expect(contents("f")).toBe("ab2345678c"); // what lies behind the end does not make the file longer
    const child = m.fork();
    const again = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDWR, 0);
    void again;
    expect(m.callOf(child, "openat", AT_FDCWD, `${folder}/f`, O_RDWR, 0)).toBe(again);
    const there = m.callOf(child, "mmap", 0, PAGE, RW, MAP_SHARED, again, 0) as number;
    put(child, there, "child");
    ends(m, child);
    expect(contents("f")).toBe("child5678c");
  });

  it("show what write, pwrite and ftruncate do to the file", () => {
    const { machine: m, folder } = make();
    const fd = file(m, `${folder}/f`, "0123456789");
    const at = shared(m, fd, 2 * PAGE);
    m.put(BUFFER, "XY");
    m.must("pwrite64", fd, BUFFER, 2, 4);
    expect(m.text(at, 10)).toBe("0123XY6789");
    m.put(at + 10, "junk");
    m.must("pwrite64", fd, BUFFER, 2, 20);
    expect(m.text(at, 22)).toBe(`0123XY6789${"\0".repeat(10)}XY`);
    m.must("ftruncate", fd, 4);
    expect(m.text(at, 22)).toBe(`0123${"\0".repeat(18)}`);
    m.must("ftruncate", fd, PAGE + 8);
    m.put(at + PAGE, "page two");
    expect(pread(m, fd, 8, PAGE)).toBe("page two");
    const other = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDWR | O_TRUNC, 0);
    expect(m.text(at, 4)).toBe("\0\0\0\0");
    const appending = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDWR | O_APPEND, 0);
    m.put(BUFFER, "appended");
    m.must("write", other, BUFFER, 3);
    m.must("write", appending, BUFFER, 8);
    expect(m.text(at, 12)).toBe("appappended\0");
  });

  it("write through a description that appends, without appending", () => {
    const { machine: m, folder, contents } = make();
    m.must("close", file(m, `${folder}/f`, "0123456789"));
    const fd = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDWR | O_APPEND, 0);
    const at = shared(m, fd);
    m.put(at + 2, "--");
    m.must("munmap", at, PAGE);
    expect(contents("f")).toBe("01--456789");
  });

  it("of the same range in one process are one, and go with the last munmap", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, "x".repeat(4 * PAGE));
    const first = shared(m, fd, 4 * PAGE);
    const other = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDWR, 0);
    expect(shared(m, other, 4 * PAGE)).toBe(first);
    expect(shared(m, other, PAGE, 2 * PAGE)).toBe(first + 2 * PAGE);
    m.must("munmap", first, 4 * PAGE);
    m.put(first + 2 * PAGE, "third");
    m.must("munmap", first + 2 * PAGE, PAGE);
    expect(contents("f").slice(2 * PAGE, 2 * PAGE + 6)).toBe("thirdx");
    m.must("munmap", first, 4 * PAGE);
    expect(m.process.linux.space?.mappings).toHaveLength(1);
  });

  it("become writable, when a second mapping of a read-only one is", () => {
    const { machine: m, folder, contents } = make();
    m.must("close", file(m, `${folder}/f`, "0123456789"));
    const reader = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDONLY, 0);
    const writer = m.must("openat", AT_FDCWD, `${folder}/f`, O_RDWR, 0);
    const at = shared(m, reader, PAGE, 0, PROT_READ);
    expect(m.call("mprotect", at, PAGE, RW)).toBe("EACCES");
    expect(shared(m, writer)).toBe(at);
    m.must("close", reader);
    m.must("close", writer);
    m.put(at, "w");
    m.must("munmap", at, PAGE);
    m.must("munmap", at, PAGE);
    expect(contents("f")).toBe("w123456789");
  });

  it("that overlap in one process become alike at its calls", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, ".".repeat(3 * PAGE));
    const low = shared(m, fd, 2 * PAGE);
    const high = shared(m, fd, 2 * PAGE, PAGE);
    expect(high).not.toBe(low + PAGE);
    m.put(low + PAGE, "low");
    m.put(high + 3, "high");
    m.call("getpid");
    expect(m.text(low + PAGE, 8)).toBe("lowhigh.");
    expect(m.text(high, 8)).toBe("lowhigh.");
    m.must("munmap", low, 2 * PAGE);
    m.put(high, "LOW");
    m.must("munmap", high, 2 * PAGE);
    expect(contents("f").slice(PAGE, PAGE + 8)).toBe("LOWhigh.");
  });

  it("at an address of the program's choice replace what was there", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, "a".repeat(2 * PAGE));
    const at = shared(m, fd, 2 * PAGE);
    m.put(at, "written");
    expect(m.must("mmap", at, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0)).toBe(at);
    expect(m.text(at, 8)).toBe("writtena");
    m.put(at + PAGE, "more");
    expect(m.must("mmap", at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)).toBe(at);
    expect(m.process.mem.u8[at]).toBe(0);
    m.must("munmap", at, 2 * PAGE);
    expect(contents("f").slice(0, 8)).toBe("writtena");
    expect(contents("f").slice(PAGE, PAGE + 5)).toBe("morea");
  });

  it("are shared by parent and child, both ways, each seeing what the other has written when it runs", () => {
    const { machine: m, folder } = make();
    const fd = file(m, `${folder}/f`, "-".repeat(PAGE));
    const at = shared(m, fd);
    m.put(at, "parent");
    const child = m.fork();
    m.callOf(child, "getpid");
    put(child, at + 8, "child");
    m.call("getpid");
    expect(m.text(at, 14)).toBe("parent--child-");
    m.put(at, "PARENT");
    m.callOf(child, "getpid");
    expect(textOf(child, at, 14)).toBe("PARENT--child-");
    put(child, at, "last");
    ends(m, child);
    m.call("getpid");
    expect(m.text(at, 14)).toBe("lastNT--child-");
  });

  it("are shared by processes that map the file each for itself, at addresses of their own", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, "-".repeat(2 * PAGE));
    const child = m.fork();
    m.callOf(child, "mmap", 0, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const theirs = m.callOf(child, "mmap", 0, PAGE, RW, MAP_SHARED, fd, PAGE) as number;
    const mine = shared(m, fd, 2 * PAGE);
    expect(theirs).not.toBe(mine + PAGE);
    m.put(mine + PAGE, "one");
    m.callOf(child, "getpid");
    expect(textOf(child, theirs, 4)).toBe("one-");
    put(child, theirs + 3, "two");
    expect(pread(m, fd, 7, PAGE)).toBe("onetwo-");
    expect(m.text(mine + PAGE, 7)).toBe("onetwo-");
    m.put(BUFFER, "written");
    m.must("pwrite64", fd, BUFFER, 7, PAGE + 8);
    expect(textOf(child, theirs + 8, 7)).toBe("written");
    m.must("munmap", mine, 2 * PAGE);
    m.callOf(child, "munmap", theirs, PAGE);
    expect(contents("f").slice(PAGE, PAGE + 16)).toBe("onetwo--written-");
  });

  it("move and grow with mremap", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, `${"1".repeat(PAGE)}${"2".repeat(PAGE)}`);
    const at = shared(m, fd);
    m.must("mmap", 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // in the way
    m.put(at, "A");
    expect(m.call("mremap", at, PAGE, 2 * PAGE, 0, 0)).toBe("ENOMEM");
    const moved = m.must("mremap", at, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0);
    expect(moved).not.toBe(at);
    expect(m.text(moved + PAGE - 1, 3)).toBe("122");
    m.put(moved + PAGE, "B");
    m.must("munmap", moved, 2 * PAGE);
    expect(contents("f").slice(0, 2)).toBe("A1");
    expect(contents("f").slice(PAGE, PAGE + 2)).toBe("B2");
  });

  it("do not see what is written to private ones", () => {
    const { machine: m, folder, contents } = make();
    const fd = file(m, `${folder}/f`, "0123456789");
    const at = shared(m, fd);
    m.put(at, "shared");
    const own = m.must("mmap", 0, PAGE, RW, MAP_PRIVATE, fd, 0);
    expect(m.text(own, 10)).toBe("shared6789");
    m.put(own, "private");
    m.must("munmap", own, PAGE);
    expect(m.text(at, 10)).toBe("shared6789");
    m.must("munmap", at, PAGE);
    expect(contents("f")).toBe("shared6789");
  });

  it("keep a file that has lost its name and its descriptors", () => {
    const { machine: m, folder } = make();
    const fd = file(m, `${folder}/f`, "0123456789");
    const at = shared(m, fd);
    m.must("close", fd);
    m.must("unlinkat", AT_FDCWD, `${folder}/f`, 0);
    m.put(at, "still");
    m.process.linux.space?.change(at, at + PAGE, () => {});
    expect(m.call("msync", at, PAGE, MS_ASYNC)).toBe(0);
    expect(m.call("munmap", at, PAGE)).toBe(0);
    expect(m.lines).toEqual([]);
  });
});

describe("shared mappings of a volume", () => {
  it("are durable after msync, and a mapping that was never writable leaves the host's file alone", async () => {
    const m = new LinuxMachine();
    const folder = mkdtempSync(join(tmpdir(), "ringzero-map-"));
    let synced = 0;
    const device = new FsDevice(m.physical, { folder, faults: { sync: () => ++synced * 0 } });
    m.machine.attach(device.mmio, mountVirtioFs(m.process, device.mmio, "/mnt", false));
    cleanUp.push(() => {
      device.close();
      rmSync(folder, { recursive: true });
    });
    const fd = file(m, "/mnt/f", "0123456789");
    const at = shared(m, fd);
    m.put(at, "durable");
    const thread = m.thread();
    thread.call("msync", at, PAGE, MS_SYNC);
    expect(thread.parked).toBe(true);
    while (thread.parked) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      m.run();
    }
    expect(thread.result).toBe(0);
    expect(synced).toBe(1);
    expect(readFileSync(join(folder, "f"), "utf8")).toBe("durable789");
    m.must("munmap", at, PAGE);
    const reading = shared(m, fd, PAGE, 0, PROT_READ);
    writeFileSync(join(folder, "f"), "the host's");
    m.must("munmap", reading, PAGE);
    expect(readFileSync(join(folder, "f"), "utf8")).toBe("the host's");
  });
});

describe("shared memory without a name", () => {
  it("is the same for parent, child and grandchild", () => {
    const m = new LinuxMachine();
    const at = m.must("mmap", 0, 3 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    m.put(at + 2 * PAGE, "before");
    const child = m.fork();
    const grandchild = m.fork(child);
    m.callOf(child, "getpid");
    put(child, at, "child");
    m.callOf(grandchild, "getpid");
    expect(textOf(grandchild, at, 6)).toBe("child\0");
    put(grandchild, at + 2 * PAGE, "BE");
    m.call("getpid");
    expect(m.text(at, 6)).toBe("child\0");
    expect(m.text(at + 2 * PAGE, 6)).toBe("BEfore");
    ends(m, grandchild);
    ends(m, child);
    m.must("munmap", at, 3 * PAGE);
  });

  it("is not shared where it is private", () => {
    const m = new LinuxMachine();
    const at = m.must("mmap", 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const child = m.fork();
    put(child, at, "child");
    m.call("getpid");
    expect(m.process.mem.u8[at]).toBe(0);
  });

  it("has futexes on which processes wait for each other", () => {
    const m = new LinuxMachine();
    const at = m.must("mmap", 0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const own = m.must("mmap", 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const child = m.fork();
    const waiter = m.thread(child);
    const stranger = m.thread(child);
    waiter.call("futex", at + PAGE, FUTEX_WAIT, 0, 0, 0, 0);
    stranger.call("futex", own, FUTEX_WAIT, 0, 0, 0, 0);
    expect(m.call("futex", own, FUTEX_WAKE, 9, 0, 0, 0)).toBe(0);
    expect(m.call("futex", at, FUTEX_WAKE, 9, 0, 0, 0)).toBe(0);
    m.process.mem.setU32(at + PAGE, 1);
    expect(m.call("futex", at + PAGE, FUTEX_WAKE, 9, 0, 0, 0)).toBe(1);
    m.run();
    expect(waiter.result).toBe(0);
    expect(child.mem.getU32(at + PAGE)).toBe(1);
    expect(stranger.parked).toBe(true);
  });

  it("is left in order by a process that ends with a robust lock in it", () => {
    const m = new LinuxMachine();
    const at = m.must("mmap", 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const child = m.fork();
    const owner = m.thread(child);
    // struct robust_list_head with one entry; the lock's word lies 8 bytes behind the entry.
    const head = BUFFER;
    const word = at + 8;
    child.mem.setU32(head, at);
    child.mem.setI64(head + 8, 8);
    child.mem.setU32(head + 16, 0);
    owner.call("set_robust_list", head, 24);
    child.mem.setU32(at, head);
    child.mem.setU32(word, FUTEX_WAITERS + owner.task.tid);
    const waiter = m.thread();
    waiter.call("futex", word, FUTEX_WAIT, (FUTEX_WAITERS + owner.task.tid) | 0, 0, 0, 0);
    expect(waiter.parked).toBe(true);
    expect(() => owner.call("exit_group", 0)).toThrow();
    m.run();
    expect(waiter.result).toBe(0);
    expect(m.process.mem.getU32(word)).toBe(FUTEX_WAITERS + FUTEX_OWNER_DIED);
  });
});
