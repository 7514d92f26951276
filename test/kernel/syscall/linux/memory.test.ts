/**
 * mmap(2) and its family, call by call: what they do, and in which order they refuse. Sharing: kernel/mem/shared-mapping.test.ts.
 */
import { describe, expect, it } from "vitest";
import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from "../../../../kernel/abi/fcntl.ts";
import * as mman from "../../../../kernel/abi/mman.ts";
import type { AddressSpace } from "../../../../kernel/mem/address-space.ts";
import { RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK } from "../../../../kernel/process/resource-limits.ts";
import { MEMORY_ROWS } from "../../../../kernel/syscall/linux/memory.ts";
import { randomFor } from "../../../random.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const PAGE = 4096;
const RW = mman.PROT_READ | mman.PROT_WRITE;
const { MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE } = mman;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

function anonymous(m: LinuxMachine, pages: number, address = 0, flags = 0): number {
  return m.must("mmap", address, pages * PAGE, RW, ANONYMOUS | flags, -1, 0);
}

function spaceOf(m: LinuxMachine): AddressSpace {
  return m.process.linux.space as AddressSpace;
}

function open(m: LinuxMachine, path: string, flags: number): number {
  return m.must("openat", AT_FDCWD, path, flags, 0o644);
}

function isZero(m: LinuxMachine, address: number, pages: number): boolean {
  return m.process.mem.u8.subarray(address, address + pages * PAGE).every((byte) => byte === 0);
}

describe("mmap", () => {
  it("gives zeroed memory, whatever the flags that mean nothing here", () => {
    const m = new LinuxMachine();
    const { MAP_GROWSDOWN, MAP_NORESERVE, MAP_POPULATE, MAP_STACK, MAP_32BIT } = mman;
    for (const flags of [0, MAP_NORESERVE, MAP_POPULATE, MAP_STACK, MAP_GROWSDOWN, MAP_32BIT]) {
      const at = anonymous(m, 2, 0, flags);
      expect(at % PAGE).toBe(0);
      expect(isZero(m, at, 2)).toBe(true);
      m.process.mem.u8.fill(1, at, at + 2 * PAGE);
      m.must("munmap", at, 2 * PAGE);
    }
    expect(m.call("mmap", 0, PAGE, mman.PROT_NONE, ANONYMOUS, -1, 0)).toBeGreaterThan(0);
    expect(m.call("mmap", 0, 1, 0xff, ANONYMOUS, 12345, PAGE)).toBeGreaterThan(0); // fd and offset are ignored
    expect(spaceOf(m).mappings.at(-1)?.prot).toBe(0xf);
  });

  it("refuses in Linux' order", () => {
    const m = new LinuxMachine();
    open(m, "/tmp/r", O_RDWR | O_CREAT);
    const read = open(m, "/tmp/r", O_RDONLY);
    const write = open(m, "/tmp/r", O_WRONLY);
    const path = open(m, "/tmp/r", O_PATH);
    const folder = open(m, "/tmp", O_RDONLY | O_DIRECTORY);
    const nothing = open(m, "/dev/null", O_RDWR);
    m.must("pipe", BUFFER);
    const pipe = m.process.mem.getI32(BUFFER);
    const cases: [expected: string, ...args: number[]][] = [
      ["EINVAL", 0, PAGE, RW, MAP_SHARED, 999, 1], // the offset before the descriptor
      ["EBADF", 0, 0, RW, MAP_SHARED, 999, 0], // the descriptor before the length
      ["EBADF", 0, PAGE, RW, MAP_SHARED, -1, 0],
      ["EBADF", 0, PAGE, RW, MAP_SHARED, path, 0],
      ["EINVAL", 0, 0, RW, MAP_SHARED, read, 0],
      ["EINVAL", 0, 0, RW, ANONYMOUS, -1, 0],
      ["ENOMEM", 0, 0xffffffff, RW, ANONYMOUS, -1, 0],
      ["ENOMEM", 0, 0x80000000, RW, ANONYMOUS, -1, 0],
      ["ENOMEM", 0xfffff000, 2 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0],
      ["EINVAL", BUFFER + 1, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0],
      ["EEXIST", BUFFER, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0],
      ["ENOMEM", BUFFER, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0], // the program's own
      ["ENOMEM", 0, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0],
      ["ENOMEM", 0x7ffff000, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0], // beyond the machine's memory
      ["EOVERFLOW", 0, PAGE, RW, MAP_SHARED, read, -PAGE],
      ["EOVERFLOW", 0, PAGE, RW, MAP_SHARED, read, 2 ** 63],
      ["EOVERFLOW", 0, PAGE, RW, MAP_SHARED, read, 2 ** 53],
      ["EACCES", 0, PAGE, RW, MAP_SHARED, read, 0],
      ["EACCES", 0, PAGE, RW, MAP_SHARED, write, 0],
      ["EACCES", 0, PAGE, mman.PROT_READ, MAP_PRIVATE, write, 0],
      ["EINVAL", 0, PAGE, mman.PROT_READ, 0, read, 0],
      ["EINVAL", 0, PAGE, mman.PROT_READ, 4, read, 0],
      ["EINVAL", 0, PAGE, RW, MAP_ANONYMOUS, -1, 0],
      ["EINVAL", 0, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0],
      ["EINVAL", 0, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED | mman.MAP_GROWSDOWN, -1, 0],
      ["EOPNOTSUPP", 0, PAGE, mman.PROT_READ, MAP_SHARED_VALIDATE | mman.MAP_SYNC, read, 0],
      ["ENODEV", 0, PAGE, mman.PROT_READ, MAP_PRIVATE, folder, 0],
      ["ENODEV", 0, PAGE, mman.PROT_READ, MAP_PRIVATE, pipe, 0],
      ["ENODEV", 0, PAGE, RW, MAP_SHARED, nothing, 0],
      ["ENOMEM", 0, PAGE, RW, ANONYMOUS | mman.MAP_HUGETLB, -1, 0],
    ];
    const before = spaceOf(m).mappings.length;
    const size = m.process.mem.size;
    for (const [expected, ...args] of cases) expect(m.call("mmap", ...args), String(args)).toBe(expected);
    expect(spaceOf(m).mappings).toHaveLength(before);
    expect(m.process.mem.size).toBe(size);
    expect(m.lines.filter((line) => line.includes("MAP_FIXED"))).toHaveLength(1);
  });

  it("reads the part of a file that is asked for, private or shared, from any offset", () => {
    const m = new LinuxMachine();
    const fd = open(m, "/tmp/f", O_RDWR | O_CREAT);
    const text = Array.from({ length: 5 }, (_, page) => String(page).repeat(PAGE)).join("");
    m.put(BUFFER, text);
    m.must("write", fd, BUFFER, text.length - 10);
    for (const type of [MAP_PRIVATE, MAP_SHARED]) {
      const at = m.must("mmap", 0, 3 * PAGE, mman.PROT_READ, type, fd, 3 * PAGE);
      expect(m.text(at, 2 * PAGE)).toBe(`${"3".repeat(PAGE)}${"4".repeat(PAGE - 10)}${"\0".repeat(10)}`);
      expect(isZero(m, at + 2 * PAGE, 1)).toBe(true);
      m.must("munmap", at, 3 * PAGE);
    }
    const beyond = m.must("mmap", 0, PAGE, mman.PROT_READ, MAP_PRIVATE, fd, 2 ** 40);
    expect(isZero(m, beyond, 1)).toBe(true);
    expect(m.must("lseek", fd, 0, 1)).toBe(text.length - 10); // the offset has not moved
  });

  it("takes /dev/zero for memory", () => {
    const m = new LinuxMachine();
    const fd = open(m, "/dev/zero", O_RDWR);
    for (const type of [MAP_PRIVATE, MAP_SHARED]) {
      const at = m.must("mmap", 0, PAGE, RW, type, fd, 0);
      expect(isZero(m, at, 1)).toBe(true);
    }
  });

  it("puts fixed mappings where they are wanted, over others and into the gap of the heap", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 4);
    m.process.mem.u8.fill(9, at, at + 4 * PAGE);
    expect(anonymous(m, 1, at + PAGE, MAP_FIXED)).toBe(at + PAGE);
    expect(m.process.mem.u8[at]).toBe(9);
    expect(isZero(m, at + PAGE, 1)).toBe(true);
    expect(m.process.mem.u8[at + 2 * PAGE]).toBe(9);
    const heap = m.must("brk", 0);
    expect(m.must("brk", heap + 2 * PAGE)).toBe(heap + 2 * PAGE);
    expect(m.must("mmap", heap, PAGE, mman.PROT_NONE, ANONYMOUS | MAP_FIXED, -1, 0)).toBe(heap); // as malloc does it
    expect(m.must("brk", heap + 3 * PAGE)).toBe(heap + 3 * PAGE);
    expect(anonymous(m, 1, at + 64 * PAGE, MAP_FIXED_NOREPLACE)).toBe(at + 64 * PAGE);
  });

  it("counts against RLIMIT_AS", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 4);
    m.process.linux.limits.set(RLIMIT_AS, { soft: spaceOf(m).mappedBytes, hard: spaceOf(m).mappedBytes });
    expect(m.call("mmap", 0, PAGE, RW, ANONYMOUS, -1, 0)).toBe("ENOMEM");
    expect(m.call("mremap", at, 4 * PAGE, 5 * PAGE, mman.MREMAP_MAYMOVE, 0)).toBe("ENOMEM");
    expect(anonymous(m, 4, at, MAP_FIXED)).toBe(at); // what is replaced does not count twice
    const heap = m.must("brk", 0);
    expect(m.must("brk", heap + PAGE)).toBe(heap);
    m.must("munmap", at, PAGE);
    expect(m.must("brk", heap + PAGE)).toBe(heap + PAGE);
    m.process.linux.limits.set(RLIMIT_AS, { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY });
    m.process.linux.limits.set(RLIMIT_DATA, { soft: PAGE, hard: PAGE });
    expect(m.must("brk", heap + 2 * PAGE)).toBe(heap + PAGE);
  });

  it("stops at 65530 mappings", () => {
    const m = new LinuxMachine();
    const fd = open(m, "/tmp/f", O_RDWR | O_CREAT);
    const at = m.must("mmap", 0, PAGE, RW, MAP_SHARED, fd, 0);
    for (let uses = 2; uses < 65530; uses++) m.must("mmap", 0, PAGE, RW, MAP_SHARED, fd, 0);
    expect(m.call("mmap", 0, PAGE, RW, MAP_SHARED, fd, 0)).toBe("ENOMEM");
    expect(m.call("mmap", 0, PAGE, RW, ANONYMOUS, -1, 0)).toBe("ENOMEM");
    m.must("munmap", at, PAGE);
    expect(m.must("mmap", 0, PAGE, RW, MAP_SHARED, fd, 0)).toBe(at);
  });
});

describe("munmap", () => {
  it("frees parts, and nothing where nothing is", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 5);
    expect(m.call("munmap", at + PAGE, 1)).toBe(0);
    expect(m.call("munmap", at + 3 * PAGE, PAGE)).toBe(0);
    expect(spaceOf(m).between(at, at + 5 * PAGE)).toHaveLength(3);
    expect(m.call("munmap", at, 5 * PAGE)).toBe(0);
    expect(m.call("munmap", at, 5 * PAGE)).toBe(0);
    expect(m.call("munmap", 0xffff0000, 0xf000)).toBe(0);
    expect(m.call("munmap", 0, PAGE)).toBe(0); // page 0 is nobody's
  });

  it("refuses what is unaligned, empty, out of range, or the program's own", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 1);
    expect(m.call("munmap", at + 1, PAGE)).toBe("EINVAL");
    expect(m.call("munmap", at, 0)).toBe("EINVAL");
    expect(m.call("munmap", at, 0xffffffff)).toBe("EINVAL");
    expect(m.call("munmap", 0xfffff000, 2 * PAGE)).toBe("EINVAL");
    expect(m.call("munmap", 0xffffffff, 1)).toBe("EINVAL");
    expect(m.call("munmap", BUFFER, PAGE)).toBe("EINVAL");
    expect(m.lines).toHaveLength(1);
    expect(spaceOf(m).covers(at, at + PAGE)).toBe(true);
  });
});

describe("mremap", () => {
  it("grows in place where there is room, else moves, and shrinks", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 2);
    m.put(at, "contents");
    expect(m.must("mremap", at, 2 * PAGE, 4 * PAGE, 0, 0)).toBe(at);
    expect(isZero(m, at + 2 * PAGE, 2)).toBe(true);
    m.process.mem.u8.fill(5, at + PAGE, at + 4 * PAGE);
    expect(m.must("mremap", at, 4 * PAGE, PAGE + 1, 0, 0)).toBe(at);
    m.must("mmap", at + 2 * PAGE, PAGE, mman.PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);
    expect(m.call("mremap", at, 2 * PAGE, 3 * PAGE, 0, 0)).toBe("ENOMEM");
    const moved = m.must("mremap", at, 2 * PAGE, 4 * PAGE, mman.MREMAP_MAYMOVE, 0);
    expect(moved).not.toBe(at);
    expect(m.text(moved, 8)).toBe("contents");
    expect(m.process.mem.u8[moved + PAGE]).toBe(5);
    expect(isZero(m, moved + 2 * PAGE, 2)).toBe(true);
    expect(spaceOf(m).covers(at, at + PAGE)).toBe(false);
  });

  it("moves to where it is told to, leaving the old place behind if told so", () => {
    const m = new LinuxMachine();
    const { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } = mman;
    const at = anonymous(m, 8);
    m.put(at, "one");
    m.put(at + 4 * PAGE, "replaced");
    const to = at + 4 * PAGE;
    expect(m.must("mremap", at, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to)).toBe(to);
    expect(m.text(to, 8)).toBe("one\0\0\0\0\0");
    expect(spaceOf(m).covers(at, at + PAGE)).toBe(false);
    const copy = m.must("mremap", to, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    expect(m.text(copy, 3)).toBe("one");
    expect(isZero(m, to, 1)).toBe(true);
    expect(spaceOf(m).covers(to, to + PAGE)).toBe(true);
  });

  it("makes a second mapping of shared pages for an old size of 0", () => {
    const m = new LinuxMachine();
    const at = m.must("mmap", 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    m.put(at, "shared");
    const second = m.must("mremap", at, 0, PAGE, mman.MREMAP_MAYMOVE, 0);
    expect(m.text(second, 6)).toBe("shared");
    m.put(second, "S");
    m.call("getpid");
    expect(m.text(at, 6)).toBe("Shared");
    expect(m.call("mremap", anonymous(m, 1), 0, PAGE, mman.MREMAP_MAYMOVE, 0)).toBe("EINVAL");
  });

  it("refuses in Linux' order", () => {
    const m = new LinuxMachine();
    const { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } = mman;
    const at = anonymous(m, 4);
    const shared = m.must("mmap", 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const cases: [expected: string, ...args: number[]][] = [
      ["EINVAL", at, PAGE, PAGE, 8, 0],
      ["EINVAL", at, PAGE, PAGE, MREMAP_FIXED, 0],
      ["EINVAL", at, PAGE, PAGE, MREMAP_DONTUNMAP, 0],
      ["EINVAL", at, PAGE, 2 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, 0],
      ["EINVAL", at + 1, PAGE, PAGE, 0, 0],
      ["EINVAL", at, PAGE, 0, 0, 0],
      ["EINVAL", at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + 1],
      ["EINVAL", at, 2 * PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + PAGE],
      ["EINVAL", at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, BUFFER],
      ["EINVAL", at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, 0xfffff000],
      ["EFAULT", 0xfffff000, PAGE, PAGE, 0, 0],
      ["EFAULT", BUFFER, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0],
      ["EFAULT", at, 16 * PAGE, 32 * PAGE, MREMAP_MAYMOVE, 0],
      ["EINVAL", shared, PAGE, PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, 0],
      ["ENOMEM", at, PAGE, 0x7ffff000, MREMAP_MAYMOVE, 0],
    ];
    const size = m.process.mem.size;
    for (const [expected, ...args] of cases) expect(m.call("mremap", ...args), String(args)).toBe(expected);
    expect(m.process.mem.size).toBe(size);
    expect(spaceOf(m).covers(at, at + 4 * PAGE)).toBe(true);
  });
});

describe("mprotect", () => {
  it("keeps what it is told, in parts, and says so in /proc/self/maps", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 3);
    expect(m.call("mprotect", at + PAGE, 1, mman.PROT_NONE)).toBe(0);
    expect(
      spaceOf(m)
        .mappings.slice(1)
        .map(({ prot }) => prot),
    ).toEqual([RW, 0, RW]);
    const fd = open(m, "/tmp/f", O_RDWR | O_CREAT);
    m.put(BUFFER, "x");
    m.must("write", fd, BUFFER, 1);
    const mapped = m.must("mmap", 0, PAGE, mman.PROT_READ, MAP_SHARED, fd, 0);
    const heap = m.must("brk", 0);
    m.must("brk", heap + 1);
    const maps = open(m, "/proc/self/maps", O_RDONLY);
    const lines = m.text(BUFFER, m.must("read", maps, BUFFER, 65536)).split("\n");
    const hex = (address: number): string => address.toString(16).padStart(8, "0");
    expect(lines).toContain(`${hex(at)}-${hex(at + PAGE)} rw-p 00000000 00:00 0 `);
    expect(lines).toContain(`${hex(at + PAGE)}-${hex(at + 2 * PAGE)} ---p 00000000 00:00 0 `);
    expect(lines.find((line) => line.startsWith(hex(heap)))).toMatch(/ rw-p 00000000 00:00 0 {20,}\[heap\]$/);
    expect(lines.find((line) => line.startsWith(hex(mapped)))).toMatch(/ r--s 00000000 00:[0-9a-f]{2} \d+ +\/tmp\/f$/);
    expect(lines[0]).toMatch(/^00001000-00080000 rwxp 00000000 00:00 0 {20,}test$/);
    expect(m.call("mprotect", at + PAGE, 1, RW)).toBe(0);
    expect(spaceOf(m).between(at, at + 3 * PAGE)).toHaveLength(1);
  });

  it("refuses in Linux' order", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 1);
    expect(m.call("mprotect", at + 1, 0, mman.PROT_GROWSDOWN | mman.PROT_GROWSUP)).toBe("EINVAL");
    expect(m.call("mprotect", at + 1, PAGE, RW)).toBe("EINVAL");
    expect(m.call("mprotect", at, 0, 0x1000)).toBe(0);
    expect(m.call("mprotect", at, 0xffffffff, RW)).toBe("ENOMEM");
    expect(m.call("mprotect", at, PAGE, 0x1000)).toBe("EINVAL");
    expect(m.call("mprotect", at, PAGE, RW | mman.PROT_GROWSDOWN)).toBe("EINVAL");
    expect(m.call("mprotect", at, 2 * PAGE, RW)).toBe("ENOMEM");
    expect(m.call("mprotect", 0, PAGE, RW)).toBe("ENOMEM");
    expect(m.call("mprotect", 0xfffff000, PAGE, RW)).toBe("ENOMEM");
    expect(m.call("mprotect", BUFFER, PAGE, mman.PROT_READ)).toBe(0); // the program's own
  });
});

describe("msync", () => {
  it("refuses in Linux' order", () => {
    const m = new LinuxMachine();
    const { MS_ASYNC, MS_INVALIDATE, MS_SYNC } = mman;
    const at = anonymous(m, 1);
    expect(m.call("msync", at, PAGE, 8)).toBe("EINVAL");
    expect(m.call("msync", at + 1, PAGE, MS_SYNC)).toBe("EINVAL");
    expect(m.call("msync", at, PAGE, MS_SYNC | MS_ASYNC)).toBe("EINVAL");
    expect(m.call("msync", at, 0xffffffff, MS_SYNC)).toBe("ENOMEM");
    expect(m.call("msync", at, 2 * PAGE, MS_SYNC)).toBe("ENOMEM");
    expect(m.call("msync", 0, PAGE, MS_SYNC)).toBe("ENOMEM");
    expect(m.call("msync", at, 0, MS_SYNC)).toBe(0);
    expect(m.call("msync", at, PAGE, MS_SYNC | MS_INVALIDATE)).toBe(0);
    m.must("mlock", at, PAGE);
    expect(m.call("msync", at, PAGE, MS_INVALIDATE)).toBe("EBUSY");
  });
});

describe("madvise", () => {
  it("zeroes private memory, and makes private mappings of files new, with MADV_DONTNEED", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 3);
    m.process.mem.u8.fill(7, at, at + 3 * PAGE);
    expect(m.call("madvise", at + PAGE, PAGE, mman.MADV_DONTNEED)).toBe(0);
    expect([0, PAGE, 2 * PAGE].map((offset) => m.process.mem.u8[at + offset])).toEqual([7, 0, 7]);
    const fd = open(m, "/tmp/f", O_RDWR | O_CREAT);
    m.put(BUFFER, "file");
    m.must("write", fd, BUFFER, 4);
    const own = m.must("mmap", 0, PAGE, RW, MAP_PRIVATE, fd, 0);
    m.put(own, "mine mine");
    expect(m.call("madvise", own, PAGE, mman.MADV_DONTNEED)).toBe(0);
    expect(m.text(own, 5)).toBe("file\0");
    const shared = m.must("mmap", 0, PAGE, RW, MAP_SHARED, fd, 0);
    m.put(shared, "F");
    expect(m.call("madvise", shared, PAGE, mman.MADV_DONTNEED)).toBe(0);
    expect(m.text(shared, 4)).toBe("File");
    expect(m.call("madvise", shared, PAGE, mman.MADV_REMOVE)).toBe(0);
    m.must("pread64", fd, BUFFER, 4, 0);
    expect(m.text(BUFFER, 4)).toBe("\0\0\0\0");
  });

  it("decides what a child gets", () => {
    const m = new LinuxMachine();
    const [wiped, left] = [anonymous(m, 1), anonymous(m, 1)];
    m.put(wiped, "w");
    m.put(left, "l");
    expect(m.call("madvise", wiped, PAGE, mman.MADV_WIPEONFORK)).toBe(0);
    expect(m.call("madvise", left, PAGE, mman.MADV_DONTFORK)).toBe(0);
    const child = m.fork();
    expect(child.mem.u8[wiped]).toBe(0);
    expect(child.linux.space?.covers(wiped, wiped + PAGE)).toBe(true);
    expect(child.linux.space?.covers(left, left + PAGE)).toBe(false);
    expect(m.call("madvise", left, PAGE, mman.MADV_DOFORK)).toBe(0);
    expect(m.fork().mem.u8[left]).toBe(0x6c);
  });

  it("takes all advice there is, and refuses the rest", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 2);
    const shared = m.must("mmap", 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (const advice of [0, 1, 2, 3, 8, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 25]) {
      expect(m.call("madvise", at, PAGE, advice), String(advice)).toBe(0);
    }
    for (const advice of [-1, 5, 6, 7, 26, 99, 9999]) expect(m.call("madvise", at, PAGE, advice)).toBe("EINVAL");
    expect(m.call("madvise", at + 1, PAGE, 0)).toBe("EINVAL");
    expect(m.call("madvise", at, 0xffffffff, 0)).toBe("EINVAL");
    expect(m.call("madvise", at, 3 * PAGE + 1, 0)).toBe("ENOMEM");
    expect(m.call("madvise", at, 0, 0)).toBe(0);
    expect(m.call("madvise", at, PAGE, mman.MADV_REMOVE)).toBe("EINVAL");
    expect(m.call("madvise", shared, PAGE, mman.MADV_FREE)).toBe("EINVAL");
    expect(m.call("madvise", shared, PAGE, mman.MADV_WIPEONFORK)).toBe("EINVAL");
    expect(m.call("madvise", BUFFER, PAGE, mman.MADV_DONTNEED)).toBe("EINVAL");
    m.must("mlock", at, PAGE);
    expect(m.call("madvise", at, PAGE, mman.MADV_DONTNEED)).toBe("EINVAL");
  });
});

describe("mincore", () => {
  it("says that everything mapped is there", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 3);
    expect(m.call("mincore", at, 2 * PAGE + 1, BUFFER)).toBe(0);
    expect([...m.process.mem.u8.subarray(BUFFER, BUFFER + 4)]).toEqual([1, 1, 1, 0]);
    expect(m.call("mincore", at + 1, PAGE, BUFFER)).toBe("EINVAL");
    expect(m.call("mincore", at, PAGE, 0xfffffff0)).toBe("EFAULT");
    expect(m.call("mincore", at, 4 * PAGE, BUFFER)).toBe("ENOMEM");
    expect(m.call("mincore", at, 0xffffffff, BUFFER)).toBe("ENOMEM");
  });
});

describe("mlock, munlock, mlockall, munlockall, mlock2", () => {
  it("lock as much as RLIMIT_MEMLOCK allows a process without privilege", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 8);
    const { limits, credentials } = m.process.linux;
    limits.set(RLIMIT_MEMLOCK, { soft: 2 * PAGE, hard: 2 * PAGE });
    expect(m.call("mlock", at, 4 * PAGE)).toBe(0); // root may
    expect(m.call("munlock", at, 4 * PAGE)).toBe(0);
    credentials.euid = 1000;
    expect(m.call("mlock", at + 1, 1)).toBe(0);
    expect(m.call("mlock", at, 2 * PAGE)).toBe(0); // the first page is counted once
    expect(m.call("mlock2", at + 3 * PAGE, PAGE, mman.MLOCK_ONFAULT)).toBe("ENOMEM");
    expect(m.call("munlock", at, PAGE)).toBe(0);
    expect(m.call("mlock2", at + 3 * PAGE, PAGE, 0)).toBe(0);
    expect(m.call("mmap", 0, PAGE, RW, ANONYMOUS | mman.MAP_LOCKED, -1, 0)).toBe("EAGAIN");
    expect(m.call("mlockall", mman.MCL_CURRENT)).toBe("ENOMEM");
    expect(m.call("mlockall", mman.MCL_FUTURE)).toBe(0);
    expect(m.call("mmap", 0, PAGE, RW, ANONYMOUS, -1, 0)).toBe("EAGAIN");
    expect(m.call("munlockall")).toBe(0);
    expect(anonymous(m, 1)).toBeGreaterThan(0);
    limits.set(RLIMIT_MEMLOCK, { soft: 0, hard: 0 });
    expect(m.call("mlock", at, PAGE)).toBe("EPERM");
    expect(m.call("mlockall", mman.MCL_FUTURE)).toBe("EPERM");
    expect(m.call("mmap", 0, PAGE, RW, ANONYMOUS | mman.MAP_LOCKED, -1, 0)).toBe("EPERM");
  });

  it("refuse what is not mapped, out of range, or unknown", () => {
    const m = new LinuxMachine();
    const at = anonymous(m, 1);
    expect(m.call("mlock", at, 2 * PAGE)).toBe("ENOMEM");
    expect(m.call("mlock", 0xfffff000, 2 * PAGE)).toBe("EINVAL");
    expect(m.call("munlock", 0xffffffff, 0xffffffff)).toBe("EINVAL");
    expect(m.call("mlock", 0xffffffff, 0)).toBe(0);
    expect(m.call("mlock2", at, PAGE, 2)).toBe("EINVAL");
    for (const flags of [0, mman.MCL_ONFAULT, 8, -1]) expect(m.call("mlockall", flags)).toBe("EINVAL");
    expect(m.call("mlockall", mman.MCL_CURRENT | mman.MCL_FUTURE | mman.MCL_ONFAULT)).toBe(0);
    expect(spaceOf(m).mappings.every(({ locked }) => locked)).toBe(true);
    expect(anonymous(m, 1)).toBe(at + PAGE);
    expect(spaceOf(m).between(at, at + 2 * PAGE)).toHaveLength(1); // the new one is locked as well
    expect(m.fork().linux.space?.mappings.some(({ locked }) => locked)).toBe(false);
  });
});

describe("membarrier", () => {
  it("offers the commands that need no work", () => {
    const m = new LinuxMachine();
    expect(m.call("membarrier", mman.MEMBARRIER_CMD_QUERY, 0, 0)).toBe(31);
    expect(m.call("membarrier", mman.MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)).toBe("EPERM");
    expect(m.call("membarrier", mman.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)).toBe(0);
    expect(m.call("membarrier", mman.MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)).toBe(0);
    expect(m.call("membarrier", mman.MEMBARRIER_CMD_GLOBAL, 0, 0)).toBe(0);
    expect(m.call("membarrier", mman.MEMBARRIER_CMD_QUERY, 1, 0)).toBe("EINVAL");
    expect(m.call("membarrier", 3, 0, 0)).toBe("EINVAL");
    expect(m.call("membarrier", 1 << 20, 0, 0)).toBe("EINVAL");
  });
});

describe("memfd_create", () => {
  it("makes a file without a name, that can be mapped and ends with its last descriptor", () => {
    const m = new LinuxMachine();
    const fd = m.must("memfd_create", "buffer", mman.MFD_CLOEXEC | mman.MFD_ALLOW_SEALING);
    expect(m.process.fds.isCloexec(fd)).toBe(true);
    m.must("ftruncate", fd, 2 * PAGE);
    const at = m.must("mmap", 0, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    m.put(at + PAGE, "memory");
    expect(m.text(BUFFER, m.must("pread64", fd, BUFFER, 6, PAGE))).toBe("memory");
    expect(m.process.fds.get(fd)).toMatchObject({ path: "/memfd:buffer (deleted)" });
    m.must("munmap", at, 2 * PAGE);
    m.must("close", fd);
  });

  it("refuses names and flags that cannot be", () => {
    const m = new LinuxMachine();
    expect(m.call("memfd_create", "n".repeat(250), 0)).toBe("EINVAL");
    expect(m.must("memfd_create", "n".repeat(249), 0)).toBeGreaterThan(2);
    expect(m.call("memfd_create", 0xfffffff0, 0)).toBe("EFAULT");
    expect(m.call("memfd_create", "n", 32)).toBe("EINVAL");
    expect(m.call("memfd_create", "n", mman.MFD_EXEC | mman.MFD_NOEXEC_SEAL)).toBe("EINVAL");
    expect(m.call("memfd_create", "n", mman.MFD_HUGETLB)).toBe("ENOSYS");
  });
});

describe("all memory calls", () => {
  it("survive whatever a program passes", () => {
    const random = randomFor("memory calls");
    const m = new LinuxMachine();
    const fd = open(m, "/tmp/f", O_RDWR | O_CREAT);
    m.must("ftruncate", fd, 5 * PAGE + 1);
    const known = [anonymous(m, 8), m.must("mmap", 0, 8 * PAGE, RW, MAP_SHARED, fd, 0), BUFFER, m.must("brk", 0)];
    const values = [0, 1, 2, 3, 4, 7, 16, 17, 18, 34, PAGE - 1, PAGE, 2 * PAGE, 9 * PAGE, 1 << 20, 1 << 24, 0x7fffffff];
    values.push(-1, -2, -PAGE, 1 << 31, 0x100032, fd, 2 ** 40, 2 ** 53, -(2 ** 53));
    for (let i = 0; i < 20_000; i++) {
      const row = random.pick(MEMORY_ROWS);
      const args = row.parameters.map(({ kind }) => {
        const value = random.oneIn(3) ? random.pick(known) + PAGE * random.below(8) : random.pick(values);
        return kind === "f64" ? value : value | 0;
      });
      const result = m.call(row.name, ...args);
      if (row.name === "memfd_create" && typeof result === "number") m.must("close", result);
      if (row.name === "mlockall") m.must("munlockall");
    }
    const { mappings, floor, limit } = spaceOf(m);
    for (const [index, { start, end }] of mappings.entries()) {
      expect(start % PAGE).toBe(0);
      expect(start).toBeLessThan(end);
      expect(end).toBeLessThanOrEqual(limit);
      expect(start).toBeGreaterThanOrEqual(mappings[index - 1]?.end ?? PAGE);
    }
    expect(mappings[0]).toMatchObject({ kind: "program", start: PAGE });
    expect(spaceOf(m).covers(PAGE, floor)).toBe(true);
    expect(m.lines.length).toBeLessThan(5);
  });
});
