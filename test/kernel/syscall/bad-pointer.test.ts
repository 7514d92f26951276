/**
 * Every system call, every pointer argument, with pointers that lead nowhere: -EFAULT, and machine and host live on.
 *
 * `GOOD` gives each row with pointers a call that reaches the use of them: without a line here a new row fails the test.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EFAULT } from "../../../kernel/abi/errno.ts";
import { O_CREAT, O_RDWR } from "../../../kernel/abi/fcntl.ts";
import { TABLE } from "../../../kernel/syscall/table.ts";
import { CallMachine, MEMORY_BYTES } from "./call-module.ts";

const BUFFER = 16384;
const PATH = 20000;
const LINK = 21000;
const STRUCT = 24000;
const LENGTH = 28000;

interface Descriptors {
  readonly file: number;
  readonly folder: number;
  readonly socket: number;
  readonly datagram: number;
  readonly pair: number;
  readonly epoll: number;
  readonly timer: number;
  readonly pathLength: number;
  readonly linkLength: number;
}

/** Arguments that work, by row. A pointer given as 0 is optional and has its own line in OPTIONAL. */
const GOOD: Record<string, (d: Descriptors) => number[]> = {
  read: (d) => [d.file, BUFFER, 16],
  write: (d) => [d.file, BUFFER, 16],
  fstat: (d) => [d.file, STRUCT],
  poll: () => [STRUCT, 2, 0],
  ioctl: (d) => [d.pair, 0x541b, STRUCT], // FIONREAD
  pread: (d) => [d.file, BUFFER, 16, 0],
  pwrite: (d) => [d.file, BUFFER, 16, 0],
  readv: (d) => [d.file, STRUCT, 1],
  writev: (d) => [d.file, STRUCT, 1],
  getcwd: () => [BUFFER, 64],
  chdir: (d) => [PATH, d.pathLength],
  statfs: (d) => [PATH, d.pathLength, STRUCT],
  getdents64: (d) => [d.folder, BUFFER, 4096],
  openat: (d) => [-100, PATH, d.pathLength, 0, 0],
  mkdirat: (d) => [-100, PATH, d.pathLength, 0o755],
  fstatat: (d) => [-100, PATH, d.pathLength, STRUCT, 0],
  unlinkat: (d) => [-100, PATH, d.pathLength, 0],
  renameat: (d) => [-100, PATH, d.pathLength, -100, PATH, d.pathLength],
  linkat: (d) => [-100, PATH, d.pathLength, -100, PATH, d.pathLength, 0],
  symlinkat: (d) => [PATH, d.pathLength, -100, PATH, d.pathLength],
  readlinkat: (d) => [-100, LINK, d.linkLength, BUFFER, 64],
  fchmodat: (d) => [-100, PATH, d.pathLength, 0o755],
  faccessat: (d) => [-100, PATH, d.pathLength, 0, 0],
  utimensat: (d) => [-100, PATH, d.pathLength, STRUCT, 0],
  timerfd_settime: (d) => [d.timer, 0, STRUCT, STRUCT],
  timerfd_gettime: (d) => [d.timer, STRUCT],
  pipe2: () => [STRUCT, 0],
  connect: (d) => [d.socket, STRUCT, 16],
  sendto: (d) => [d.datagram, BUFFER, 16, 0, STRUCT, 16],
  recvfrom: (d) => [d.pair, BUFFER, 16, 0, STRUCT, LENGTH],
  bind: (d) => [d.socket, STRUCT, 16],
  getsockname: (d) => [d.socket, STRUCT, LENGTH],
  getpeername: (d) => [d.pair, STRUCT, LENGTH],
  socketpair: () => [1, 1, 0, STRUCT],
  setsockopt: (d) => [d.socket, 1, 2, STRUCT, 4], // SO_REUSEADDR
  getsockopt: (d) => [d.socket, 1, 4, STRUCT, LENGTH], // SO_ERROR
  accept4: (d) => [d.socket, STRUCT, LENGTH, 0],
  epoll_wait: (d) => [d.epoll, BUFFER, 4, 0],
  epoll_ctl: (d) => [d.epoll, 1, d.pair, STRUCT],
  uname: () => [STRUCT],
  sysinfo: () => [STRUCT],
  futex: () => [STRUCT, 1, 1, -1],
  clock_gettime: () => [1, STRUCT],
  getrandom: () => [BUFFER, 16, 0],
  arg_copy: () => [0, BUFFER, 16],
  env_copy: () => [0, BUFFER, 16],
  thread_join: () => [1, STRUCT],
  ring_setup: () => [STRUCT, 16],
  ring_buffers: () => [BUFFER, 1024, 4],
  ring_send: (d) => [d.pair, BUFFER, 16, 1],
  ring_sendto: (d) => [d.datagram, BUFFER, 16],
  ring_messages: () => [BUFFER, 1],
  shard_secret: () => [BUFFER],
  ring_message: () => [1, BUFFER, 16, 1],
  ring_read: (d) => [d.file, BUFFER, 16, 0, 1],
  ring_write: (d) => [d.file, BUFFER, 16, 0, 1],
};

/** Rows that look at something else first, rightly, on a socket that is in no state for it: any errno will do, but no success. */
const OTHER_ERRNO = new Set(["accept4", "ring_setup", "ring_buffers", "ring_send"]);

/** Rows that may need a single byte: a pointer to the last one is good for them. */
const ONE_BYTE = new Set(["getcwd", "ioctl"]);

const BAD_POINTERS = [0xffffffff | 0, 0xfffffff0 | 0, 0x80000000 | 0, 0x7fffffff, MEMORY_BYTES, MEMORY_BYTES - 1];

describe("bad pointers", () => {
  let guest: CallMachine;
  let descriptors: Descriptors;
  const call = (name: string, ...args: number[]): number => guest.calls[name]?.(...args) as number;

  beforeAll(async () => {
    guest = await CallMachine.boot({ env: { A: "b" } });
    const pathLength = guest.put(PATH, "/tmp/there");
    const file = guest.open("/tmp/file", O_CREAT | O_RDWR);
    expect(call("write", file, BUFFER, 100)).toBe(100);
    expect(call("lseek", file, 0, 0)).toBe(0);
    expect(call("mkdirat", -100, PATH, pathLength, 0o755)).toBe(0);
    const linkLength = guest.put(LINK, "/tmp/link");
    expect(call("symlinkat", PATH, pathLength, -100, LINK, linkLength)).toBe(0);
    const folder = guest.open("/", 0);
    const socket = call("socket", 2, 1, 0);
    const datagram = call("socket", 2, 2, 0);
    expect(call("socketpair", 1, 1 | 0o4000, 0, STRUCT)).toBe(0);
    const [pair, other] = new Int32Array(guest.memory.buffer, STRUCT, 2) as unknown as [number, number];
    expect(call("write", other, BUFFER, 32)).toBe(32);
    const epoll = call("epoll_create1", 0);
    const timer = call("timerfd_create", 1, 0);
    descriptors = { file, folder, socket, datagram, pair, epoll, timer, pathLength, linkLength };
    for (const fd of Object.values(descriptors)) expect(fd).toBeGreaterThanOrEqual(0);
    expect(call("epoll_ctl", epoll, 1, other, STRUCT)).toBe(0);
  });

  afterAll(async () => {
    await guest.machine.stop({ timeoutMs: 0 });
  });

  for (const row of TABLE) {
    row.parameters.forEach((parameter, index) => {
      if (parameter.kind !== "ptr") return;
      it(`${row.name}: ${parameter.name}`, () => {
        const good = GOOD[row.name];
        expect(good, `${row.name} needs a line in GOOD`).toBeDefined();
        // Structures that a call reads: an iovec or pollfd of sane content, an epoll_event, a sockaddr_in, a length.
        const view = new DataView(guest.memory.buffer);
        new Uint8Array(guest.memory.buffer).fill(0, STRUCT, LENGTH + 4);
        if (row.name === "readv" || row.name === "writev") {
          view.setUint32(STRUCT, BUFFER, true);
          view.setUint32(STRUCT + 4, 8, true);
        } else if (/^(connect|bind|sendto)$/.test(row.name)) view.setUint16(STRUCT, 2, true);
        view.setUint32(LENGTH, 16, true);
        for (const bad of BAD_POINTERS) {
          const args = (good as (d: Descriptors) => number[])(descriptors);
          args[index] = row.name === "futex" ? bad & ~3 : bad; // an odd address is EINVAL there, rightly
          if (row.name === "futex" && bad === MEMORY_BYTES - 1) continue;
          const result = call(row.name, ...args);
          const label = `${row.name}(${args.join(", ")})`;
          if (OTHER_ERRNO.has(row.name)) expect(result, label).toBeLessThan(0);
          else if (bad === MEMORY_BYTES - 1 && ONE_BYTE.has(row.name)) expect(result, label).not.toBeLessThan(-EFAULT);
          else expect(result, label).toBe(-EFAULT);
        }
      });
    });
  }

  it("has no line for a row without pointers", () => {
    const rows = new Set(
      TABLE.filter((row) => row.parameters.some(({ kind }) => kind === "ptr")).map(({ name }) => name),
    );
    expect(Object.keys(GOOD).filter((name) => !rows.has(name))).toEqual([]);
  });

  it("leaves the machine alive: calls still work, and iovecs that point nowhere are refused", () => {
    const view = new DataView(guest.memory.buffer);
    view.setUint32(STRUCT, 0xfffffff0, true);
    view.setUint32(STRUCT + 4, 8, true);
    expect(call("writev", descriptors.file, STRUCT, 1)).toBe(-EFAULT);
    expect(call("readv", descriptors.file, STRUCT, 1)).toBe(-EFAULT);
    expect(call("getpid")).toBe(1);
  });
});
