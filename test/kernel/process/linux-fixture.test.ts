/**
 * The fixture itself: calls go through the dispatch, parked ones are resumed by the scheduler, processes are apart.
 */
import { describe, expect, it } from "vitest";
import { AT_FDCWD, O_CREAT, O_RDONLY, O_RDWR } from "../../../kernel/abi/fcntl.ts";
import { WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { BUFFER, LinuxMachine } from "./linux-fixture.ts";

describe("LinuxMachine", () => {
  it("makes calls with strings, and tells errors by name", () => {
    const m = new LinuxMachine();
    expect(m.call("openat", AT_FDCWD, "/none", O_RDONLY, 0)).toBe("ENOENT");
    const fd = m.must("openat", AT_FDCWD, "/a", O_RDWR | O_CREAT, 0o644);
    m.put(BUFFER, "hello");
    expect(m.call("write", fd, BUFFER, 5)).toBe(5);
    expect(m.call("pread64", fd, BUFFER + 100, 10, 1)).toBe(4);
    expect(m.text(BUFFER + 100, 4)).toBe("ello");
  });

  it("parks a thread, and resumes it once another process has done what it waits for", () => {
    const m = new LinuxMachine();
    m.must("pipe2", BUFFER, 0);
    const [readFd, writeFd] = m.process.mem.u32.subarray(BUFFER / 4, BUFFER / 4 + 2) as unknown as [number, number];
    const child = m.fork();
    const reader = m.thread();
    expect(reader.call("read", readFd, BUFFER + 64, 10)).toBe(WOULD_BLOCK);
    expect(reader.parked).toBe(true);
    m.run();
    expect(reader.parked).toBe(true);
    child.mem.u8.set([120, 121], BUFFER);
    expect(m.callOf(child, "write", writeFd, BUFFER, 2)).toBe(2);
    m.run();
    expect(reader.result).toBe(2);
    expect(m.text(BUFFER + 64, 2)).toBe("xy");
    expect(m.text(BUFFER, 2)).not.toBe("xy");
  });

  it("moves its clock by hand", () => {
    const m = new LinuxMachine();
    const { mem } = m.process;
    mem.setI64(BUFFER, 1);
    mem.setI64(BUFFER + 8, 0);
    const sleeper = m.thread();
    expect(sleeper.call("nanosleep", BUFFER, 0)).toBe(WOULD_BLOCK);
    m.advance(999);
    expect(sleeper.parked).toBe(true);
    m.advance(2);
    expect(sleeper.result).toBe(0);
  });
});
