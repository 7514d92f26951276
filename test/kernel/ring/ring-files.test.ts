/**
 * File requests of the ring, on a whole machine's file system. The guest does nothing; its event array is read from outside.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { EBADF, EFAULT, EINVAL } from "../../../kernel/abi/errno.ts";
import { O_CREAT, O_RDWR } from "../../../kernel/abi/fcntl.ts";
import { RING_FILE } from "../../../kernel/ring/event-queue.ts";
import { CallMachine, MEMORY_BYTES } from "../syscall/call-module.ts";

/** call-module.ts: where `_start` puts the ring's events. */
const EVENTS = 1024;
const BUFFER = 16384;
let machine: CallMachine;
let fd: number;

beforeAll(async () => {
  machine = await CallMachine.boot();
  fd = machine.open("/tmp/file", O_CREAT | O_RDWR);
  expect(fd).toBeGreaterThan(2);
});
afterAll(() => machine.machine.kill());

type Call = (...args: number[]) => number;
const call = (name: string, ...args: number[]): number => (machine.calls[name] as Call)(...args);

/** The next FILE event with `token`: its result. */
async function completion(token: number): Promise<number> {
  const words = new Int32Array(machine.memory.buffer, EVENTS, 64 * 8);
  for (let tries = 0; tries < 1000; tries++) {
    for (let at = 0; at < words.length; at += 8) {
      if (words[at] === RING_FILE && words[at + 2] === token) {
        expect(words[at + 1]).toBe(fd);
        return words[at + 3] as number;
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`no FILE event for ${token}`);
}

it("ring_write, ring_fsync, ring_read", async () => {
  const length = machine.put(BUFFER, "through the ring");
  expect(call("ring_write", fd, BUFFER, length, 4, 101)).toBe(0);
  expect(await completion(101)).toBe(length);
  expect(call("ring_fsync", fd, 0, 102)).toBe(0);
  expect(await completion(102)).toBe(0);
  expect(call("ring_read", fd, BUFFER + 100, 100, 12, 103)).toBe(0);
  expect(await completion(103)).toBe(length - 8);
  const bytes = new Uint8Array(machine.memory.buffer, BUFFER + 100, length - 8);
  expect(Buffer.from(bytes).toString()).toBe("the ring");
  expect(call("ring_read", fd, BUFFER, 100, 1000, 104)).toBe(0);
  expect(await completion(104)).toBe(0); // the end of the file
  expect(call("ring_write", fd, BUFFER, 2, -1, 105)).toBe(0); // at the file's own offset
  expect(await completion(105)).toBe(2);
  expect(call("lseek", fd, 0, 1)).toBe(2);
});

it("answers mistakes at once", () => {
  for (const name of ["ring_read", "ring_write"]) {
    expect(call(name, 77, BUFFER, 1, 0, 1)).toBe(-EBADF);
    expect(call(name, fd, BUFFER, -1, 0, 1)).toBe(-EINVAL);
    expect(call(name, fd, MEMORY_BYTES - 4, 8, 0, 1)).toBe(-EFAULT);
    expect(call(name, fd, BUFFER, 1, Number.NaN, 1)).toBe(-EINVAL);
  }
  expect(call("ring_fsync", 77, 0, 1)).toBe(-EBADF);
});
