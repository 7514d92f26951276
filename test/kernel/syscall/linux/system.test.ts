/**
 * What the machine and the thread say about themselves: uname, sysinfo, prctl and their like.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

const BAD = 0xfffffff8;

let m: LinuxMachine;
beforeEach(() => {
  m = new LinuxMachine();
});

function stringAt(ptr: number): string {
  const { mem } = m.process;
  return mem.text(ptr, mem.u8.indexOf(0, ptr) - ptr);
}

describe("uname", () => {
  const uts = (): string[] => {
    expect(m.call("uname", BUFFER)).toBe(0);
    return [0, 1, 2, 3, 4, 5].map((field) => stringAt(BUFFER + 65 * field));
  };

  it("names the machine, as it was named last", () => {
    expect(uts()).toEqual(["Linux", "test", "6.1.0-ringzero", "#1 Ringzero", "wasm32", "(none)"]);
    expect(m.call("sethostname", "alpha-beta", 5)).toBe(0);
    expect(m.call("setdomainname", "example.org", 11)).toBe(0);
    expect([uts()[1], uts()[5]]).toEqual(["alpha", "example.org"]);
    const child = m.fork();
    expect(m.callOf(child, "sethostname", "x".repeat(64), 64)).toBe(0);
    expect(uts()[1]).toBe("x".repeat(64));
  });

  it("refuses names that are too long, and strangers", () => {
    expect(m.call("sethostname", BUFFER, 65)).toBe("EINVAL");
    expect(m.call("sethostname", BUFFER, -1)).toBe("EINVAL");
    expect(m.call("sethostname", BAD, 10)).toBe("EFAULT");
    expect(m.call("uname", BAD)).toBe("EFAULT");
    m.must("setuid", 1);
    expect(m.call("sethostname", "a", 1)).toBe("EPERM");
    expect(m.call("setdomainname", "a", 1)).toBe("EPERM");
  });
});

describe("sysinfo", () => {
  it("counts seconds, memory and processes", () => {
    m.fork();
    m.advance(61_500);
    expect(m.call("sysinfo", BUFFER)).toBe(0);
    const { mem, boot } = m.process;
    expect([mem.getI64(BUFFER), mem.getI64(BUFFER + 32), mem.getU16(BUFFER + 80), mem.getU32(BUFFER + 104)]).toEqual([
      61,
      boot.memoryLimit,
      2,
      1,
    ]);
    expect(mem.getI64(BUFFER + 40)).toBe(boot.memoryLimit - 2 * mem.size);
    expect(m.call("sysinfo", BAD)).toBe("EFAULT");
  });
});

describe("prctl", () => {
  const prctl = (option: number, arg2: number | string = 0, arg3 = 0): number | string =>
    m.call("prctl", option, arg2, arg3, 0, 0);

  it("names the thread, with 15 bytes", () => {
    expect(prctl(16, BUFFER)).toBe(0);
    expect(stringAt(BUFFER)).toBe("test");
    expect(prctl(15, "a-name-of-more-than-fifteen")).toBe(0);
    expect(prctl(16, BUFFER)).toBe(0);
    expect(stringAt(BUFFER)).toBe("a-name-of-more-");
    expect(prctl(15, 0xfffffff0)).toBe("EFAULT");
    expect(prctl(16, BAD)).toBe("EFAULT");
  });

  it("keeps what is asked about later", () => {
    const { mem } = m.process;
    expect(prctl(1, 9)).toBe(0);
    expect(prctl(2, BUFFER)).toBe(0);
    expect(mem.getI32(BUFFER)).toBe(9);
    expect(prctl(1, 65)).toBe("EINVAL");
    expect([prctl(3), prctl(4, 0), prctl(3), prctl(4, 2)]).toEqual([1, 0, 0, "EINVAL"]);
    expect([prctl(7), prctl(8, 1), prctl(7), prctl(8, 2)]).toEqual([0, 0, 1, "EINVAL"]);
    expect([prctl(39), prctl(38, 1), prctl(39), prctl(38, 0), prctl(38, 1, 1)]).toEqual([0, 0, 1, "EINVAL", "EINVAL"]);
    expect(prctl(36, 1)).toBe(0);
    expect(prctl(37, BUFFER)).toBe(0);
    expect(mem.getI32(BUFFER)).toBe(1);
    expect(prctl(37, BAD + 6)).toBe("EFAULT");
    expect([prctl(23, 0), prctl(23, 40), prctl(23, 41)]).toEqual([1, 1, "EINVAL"]);
    expect([prctl(13), prctl(14, 0), prctl(14, 1), prctl(27), prctl(29, 1), prctl(30)]).toEqual([
      0,
      0,
      "EINVAL",
      0,
      0,
      50_000,
    ]);
  });

  it("does not know the rest", () => {
    for (const option of [0, 5, 22, 999, -1]) expect(prctl(option)).toBe("EINVAL");
    expect(prctl(0x525a0001, 4711)).toBe(3); // the fixture's functions are handlers
  });
});

describe("the rest", () => {
  it("answers as a container's kernel does", () => {
    expect([m.call("personality", -1), m.call("personality", 8), m.call("personality", 0)]).toEqual([0, 0, 8]);
    expect(m.call("reboot", 0xfee1dead, 672274793, 0x1234567, 0)).toBe("EPERM");
    expect(m.call("syslog", 10, 0, 0)).toBe(0);
    expect(m.call("syslog", 11, 0, 0)).toBe("EINVAL");
    expect(m.call("getrandom", BUFFER, 4, 6)).toBe("EINVAL");
    expect(m.call("getrandom", BUFFER, 4, 8)).toBe("EINVAL");
    expect(m.call("getrandom", BAD, 16, 0)).toBe("EFAULT");
    m.must("setuid", 1);
    expect([m.call("syslog", 10, 0, 0), m.call("syslog", 5, 0, 0)]).toEqual([0, "EPERM"]);
  });
});
