/**
 * Hostile programs against every call on files: random arguments, pointers to nowhere, descriptors of everything, two processes at once.
 * Whatever comes, a call answers or waits, and the kernel lives: nothing is thrown but the end of a process.
 */
import { describe, expect, it } from "vitest";
import { AT_FDCWD, O_CREAT, O_RDWR, S_IFIFO } from "../../../../kernel/abi/fcntl.ts";
import { SIG_IGN, SIGPIPE } from "../../../../kernel/abi/signal.ts";
import type { Process } from "../../../../kernel/process/process.ts";
import { SignalSet } from "../../../../kernel/process/signal-set.ts";
import { ATTRIBUTE_ROWS } from "../../../../kernel/syscall/linux/attributes.ts";
import { COPY_ROWS } from "../../../../kernel/syscall/linux/copy.ts";
import { DESCRIPTOR_ROWS } from "../../../../kernel/syscall/linux/descriptor.ts";
import { PATH_ROWS } from "../../../../kernel/syscall/linux/path.ts";
import { STORAGE_ROWS } from "../../../../kernel/syscall/linux/storage.ts";
import { TRANSFER_ROWS } from "../../../../kernel/syscall/linux/transfer.ts";
import { XATTR_ROWS } from "../../../../kernel/syscall/linux/xattr.ts";
import type { Argument as Parameter } from "../../../../kernel/syscall/row.ts";
import { type Random, randomFor } from "../../../random.ts";
import { type Argument, BUFFER, BUFFER_BYTES, LinuxMachine, type TestThread } from "../../process/linux-fixture.ts";

const ROWS = [
  ...TRANSFER_ROWS,
  ...COPY_ROWS,
  ...DESCRIPTOR_ROWS,
  ...STORAGE_ROWS,
  ...ATTRIBUTE_ROWS,
  ...PATH_ROWS,
  ...XATTR_ROWS,
].filter(({ name }) => name !== "chroot"); // nothing could be found any more
const STEPS = 30_000;

const PATHS = [
  "",
  "/",
  ".",
  "..",
  "a",
  "/a",
  "/a/",
  "/d",
  "/d/x",
  "/d/../a",
  "/link",
  "/loop",
  "/fifo",
  "/tmp/none",
  "/proc/self/stat",
  "/proc/self/fd/3",
  "/proc/self/fd/4/x",
  "/proc/self/cwd/a",
  "/proc/1/smaps",
  "/dev/null",
  "/dev/full",
  "/dev/stdin",
  "/sys/kernel/mm",
  "//d///.//x",
  "x".repeat(300),
  "y/".repeat(2100),
  "\u00ff\u0001",
];
const WORDS = [0, 1, 2, 3, 4, 5, 7, 8, 16, 100, 4096, 65536, -1, -100, 0x7fffffff, -0x80000000, 0o100, 0o1102, 0o40000];
const OFFSETS = [0, 1, -1, 5, 4096, 65537, 2 ** 31, 2 ** 32, 2 ** 43, 2 ** 53, 2 ** 63, -(2 ** 63)];

function argument(random: Random, { kind }: Parameter, memoryBytes: number): Argument {
  switch (kind) {
    case "fd":
      return random.oneIn(8) ? random.pick([-1, 99, AT_FDCWD, 0x7fffffff]) : random.below(16);
    case "path":
      return random.oneIn(12) ? random.pick([0, -1, memoryBytes - 2]) : random.pick(PATHS);
    case "ptr":
      return random.oneIn(6)
        ? random.pick([0, -1, memoryBytes - 1, memoryBytes - 8, 0x7fffffff])
        : BUFFER + random.below(BUFFER_BYTES - 4096);
    case "f64":
    case "u64":
      return random.pick(OFFSETS);
    case "i32":
      return random.oneIn(3) ? random.u32() | 0 : random.pick(WORDS);
  }
}

/** Memory in which vectors, locks and times now and then make sense. */
function fill(random: Random, { mem }: Process): void {
  for (let at = BUFFER; at < BUFFER + 4096; at += 4) {
    mem.setU32(at, random.oneIn(3) ? BUFFER + random.below(8192) : random.oneIn(2) ? random.below(64) : random.u32());
  }
}

describe("calls on files", () => {
  it("survive whatever a program passes", { timeout: 120_000 }, () => {
    const random = randomFor("calls on files");
    const m = new LinuxMachine({ terminal: { columns: 80, rows: 24 } });
    const ignored = { handler: SIG_IGN, flags: 0, restorer: 0, mask: new SignalSet() };
    m.process.linux.signals.setAction(SIGPIPE, ignored);
    m.must("mkdir", "/d", 0o755);
    m.must("symlink", "a", "/link");
    m.must("symlink", "loop", "/loop");
    m.must("mknod", "/fifo", S_IFIFO | 0o600, 0);
    m.must("open", "/a", O_RDWR | O_CREAT, 0o644);
    m.must("pipe2", BUFFER, 0);
    m.must("eventfd2", 0, 0);
    m.must("socketpair", 1, 1, 0, BUFFER);
    const processes = [m.process, m.fork()];
    const idle = processes.map((process) => [m.thread(process)]);
    const parked: TestThread[] = [];
    for (let step = 0; step < STEPS; step++) {
      const which = random.below(2);
      const process = processes[which] as Process;
      if (step % 16 === 0) fill(random, process);
      const row = random.pick(ROWS);
      const args = row.parameters.map((parameter) => argument(random, parameter, process.mem.size));
      const thread = idle[which]?.pop() ?? m.thread(process);
      const result = thread.call(row.name, ...args);
      if (thread.parked) parked.push(thread);
      else {
        idle[which]?.push(thread);
        if (row.result === "i32" && (result < -4095 || !Number.isInteger(result)))
          throw new Error(`${row.name}(${args.join(", ")}) = ${result}`);
      }
      if (step % 8 === 0) m.run();
      while (parked.length > 64) m.machine.scheduler.drop((parked.shift() as TestThread).task);
      if (process.fds.count > 200) m.callOf(process, "close_range", 16, -1, 0);
    }
    m.run();
    expect(m.end).toBe(null);
    processes[1]?.end({ code: 0, reason: null });
    for (const thread of parked) m.machine.scheduler.drop(thread.task);
    m.call("close_range", 0, -1, 0);
    expect(m.process.fds.count).toBe(0);
    expect(m.call("open", "/made", O_RDWR | O_CREAT, 0o644)).toBe(0);
  });
});
