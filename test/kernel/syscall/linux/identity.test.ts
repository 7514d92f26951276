/**
 * User and group ids by the rules of credentials(7), and capabilities.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

let m: LinuxMachine;
beforeEach(() => {
  m = new LinuxMachine();
});

/** Real, effective, saved. */
function ids(kind: "uid" | "gid"): number[] {
  const call = kind === "uid" ? "getresuid" : "getresgid";
  expect(m.call(call, BUFFER, BUFFER + 4, BUFFER + 8)).toBe(0);
  return [0, 4, 8].map((at) => m.process.mem.getI32(BUFFER + at));
}

describe.each([
  ["uid", "setuid", "setreuid", "setresuid", "getuid", "geteuid", "setfsuid"],
  ["gid", "setgid", "setregid", "setresgid", "getgid", "getegid", "setfsgid"],
] as const)("%s", (kind, setOne, setTwo, setThree, getReal, getEffective, setFs) => {
  /** From here on without privileges. */
  function drop(): void {
    if (kind === "gid") expect(m.call(setThree, 10, 11, 12)).toBe(0);
    expect(m.call("setresuid", 10, 11, 12)).toBe(0);
  }

  it("of user 0 may become anything", () => {
    expect(m.call(setThree, 1, 2, 3)).toBe(0);
    expect(ids(kind)).toEqual([1, 2, 3]);
    expect([m.call(getReal), m.call(getEffective)]).toEqual([1, 2]);
  });

  it(`${setOne} of user 0 sets all three, of another the effective one`, () => {
    expect(m.call(setOne, 7)).toBe(0);
    expect(ids(kind)).toEqual([7, 7, 7]);
    m = new LinuxMachine();
    drop();
    expect(m.call(setOne, 12)).toBe(0);
    expect(ids(kind)).toEqual([10, 12, 12]);
    expect(m.call(setOne, 11)).toBe("EPERM"); // it was the effective one only
    expect(m.call(setOne, -1)).toBe("EINVAL");
  });

  it(`${setTwo} exchanges, and remembers where it has to`, () => {
    drop();
    expect(m.call(setTwo, 11, 10)).toBe(0);
    expect(ids(kind)).toEqual([11, 10, 10]);
    expect(m.call(setTwo, -1, -1)).toBe(0);
    expect(m.call(setTwo, -1, 11)).toBe(0);
    expect(ids(kind)).toEqual([11, 11, 10]); // the effective one is the real one: nothing to remember
    expect(m.call(setTwo, 10, -1)).toBe("EPERM"); // a saved id does not become the real one
    expect(m.call(setTwo, -1, 10)).toBe(0);
  });

  it(`${setThree} takes what the process owns`, () => {
    drop();
    expect(m.call(setThree, 12, 10, -1)).toBe(0);
    expect(ids(kind)).toEqual([12, 10, 12]);
    expect(m.call(setThree, 11, -1, -1)).toBe("EPERM");
    expect(m.call(setThree, -1, -1, -1)).toBe(0);
    expect(ids(kind)).toEqual([12, 10, 12]);
  });

  it(`${setFs} answers the id before, whether or not it could`, () => {
    drop();
    expect(m.call(setFs, 10)).toBe(11);
    expect(m.call(setFs, 4711)).toBe(10);
    expect(m.call(setFs, -1)).toBe(10);
    expect(m.call(setThree, -1, 12, -1)).toBe(0);
    expect(m.call(setFs, -1)).toBe(12); // it follows the effective one
  });

  it("is inherited, and then each process' own", () => {
    expect(m.call(setThree, 1, 0, 3)).toBe(0);
    const child = m.fork();
    expect(m.callOf(child, getReal)).toBe(1);
    expect(m.callOf(child, setThree, 5, 5, 5)).toBe(0);
    expect(ids(kind)).toEqual([1, 0, 3]);
  });

  it("tells bad addresses", () => {
    const call = kind === "uid" ? "getresuid" : "getresgid";
    expect(m.call(call, BUFFER, 0xfffffff0, BUFFER)).toBe("EFAULT");
  });
});

describe("groups", () => {
  it("are set by user 0, and told sorted", () => {
    const list = new Uint8Array(Uint32Array.of(30, 10, 20).buffer);
    expect(m.call("setgroups", 3, list)).toBe(0);
    expect(m.call("getgroups", 0, 0)).toBe(3);
    expect(m.call("getgroups", 3, BUFFER)).toBe(3);
    expect([0, 4, 8].map((at) => m.process.mem.getI32(BUFFER + at))).toEqual([10, 20, 30]);
    expect(m.call("getgroups", 2, BUFFER)).toBe("EINVAL");
    expect(m.call("getgroups", -1, BUFFER)).toBe("EINVAL");
    expect(m.call("getgroups", 3, 0xfffffff0)).toBe("EFAULT");
    expect(m.call("setgroups", 65537, list)).toBe("EINVAL");
    expect(m.call("setgroups", 3, 0xfffffff8)).toBe("EFAULT");
    expect(m.call("setgroups", 1, new Uint8Array([255, 255, 255, 255]))).toBe("EINVAL");
    expect(m.call("setgroups", 0, 0)).toBe(0);
    expect(m.call("getgroups", 0, 0)).toBe(0);
    m.must("setuid", 1);
    expect(m.call("setgroups", 3, list)).toBe("EPERM");
  });
});

describe("capabilities", () => {
  const VERSION_1 = 0x19980330;
  const VERSION_3 = 0x20080522;
  const header = (version: number, pid = 0): number => {
    m.process.mem.setU32(BUFFER, version);
    m.process.mem.setU32(BUFFER + 4, pid);
    return BUFFER;
  };
  const DATA = BUFFER + 64;

  it("are all of user 0's, and none of another's", () => {
    expect(m.call("capget", header(VERSION_3), DATA)).toBe(0);
    const { mem } = m.process;
    expect([0, 4, 8, 12, 16, 20].map((at) => mem.getU32(DATA + at))).toEqual([
      0xffffffff, 0xffffffff, 0, 0x1ff, 0x1ff, 0,
    ]);
    expect(m.call("capset", header(VERSION_3), DATA)).toBe(0);
    const child = m.fork();
    m.callOf(child, "setuid", 1);
    expect(m.call("capget", header(VERSION_1, child.pid), DATA)).toBe(0);
    expect(mem.getU32(DATA)).toBe(0);
    child.mem.setU32(BUFFER, VERSION_3);
    child.mem.setU32(BUFFER + 4, 0);
    child.mem.setU32(DATA + 4, 1);
    expect(m.callOf(child, "capset", BUFFER, DATA)).toBe("EPERM");
  });

  it("answer which version is known, and what else is wrong", () => {
    expect(m.call("capget", header(1), 0)).toBe(0);
    expect(m.process.mem.getU32(BUFFER)).toBe(VERSION_3);
    expect(m.call("capget", header(1), DATA)).toBe("EINVAL");
    expect(m.call("capget", header(VERSION_3, -1), DATA)).toBe("EINVAL");
    expect(m.call("capget", header(VERSION_3, 4711), DATA)).toBe("ESRCH");
    expect(m.call("capget", header(VERSION_3), 0xfffffff0)).toBe("EFAULT");
    expect(m.call("capget", 0xfffffffc, DATA)).toBe("EFAULT");
    expect(m.call("capset", header(VERSION_3, 4711), DATA)).toBe("EPERM");
    m.process.mem.setU32(DATA, 2);
    m.process.mem.setU32(DATA + 4, 1);
    expect(m.call("capset", header(VERSION_1), DATA)).toBe("EPERM"); // effective, but not permitted
  });
});
