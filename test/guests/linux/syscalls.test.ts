import { expect, it } from "vitest";
import {
  calls,
  importHeader,
  internalHeader,
  publicHeader,
  readNumbers,
  syscallFunction,
} from "../../../guests/linux/syscalls.ts";

const numbers = new Map(calls.map(({ name }, index) => [name, index]));

it("has every call once, with a shape that is known and no longer than a call can be", () => {
  expect(calls.length).toBeGreaterThan(250);
  expect(new Set(calls.map(({ name }) => name)).size).toBe(calls.length);
  for (const { name, shape } of calls) {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(shape, name).toMatch(/^[ilwtuf]{0,6}$/);
  }
});

it("gives calls the parameters that the published interface gives them", () => {
  const shapes = Object.fromEntries(calls.map(({ name, shape }) => [name, shape]));
  expect(shapes).toMatchObject({
    read: "iii",
    mmap: "iiiiil",
    lseek: "ili",
    pread64: "iiil",
    poll: "ili",
    fcntl: "iiw",
  });
  expect(shapes).toMatchObject({ prctl: "iwwww", epoll_pwait: "iiiiii", fork: "", sched_yield: "", exit_group: "i" });
  expect(calls.find(({ name }) => name === "fadvise64")?.importName).toBe("fadvise");
});

it("reads the numbers of a library's table, and nothing else in it", () => {
  const table = "#define __NR_read\t0\n#define __NR_pread64 17\n/* #define __NR_gone 3 */\n#define OTHER 4\n";
  expect([...readNumbers(table)]).toEqual([
    ["read", 0],
    ["pread64", 17],
  ]);
});

it("writes numbers for programs, and names that stand for themselves for the library", () => {
  expect(publicHeader(new Map([["read", 0]]))).toBe("#define __NR_read 0\n#define SYS_read 0\n");
  const header = internalHeader(numbers);
  expect(header).toContain(`\tSYS_read = ${numbers.get("read")},`);
  expect(header).toContain("#define SYS_read SYS_read\n");
});

it("says which call a library's table lacks", () => {
  const incomplete = new Map(numbers);
  incomplete.delete("epoll_pwait");
  expect(() => internalHeader(incomplete)).toThrow("no number for the system call epoll_pwait");
});

it("imports a call by its name in the interface and converts each argument once", () => {
  const header = importHeader();
  expect(header).toContain('__import_name__("SYS_fadvise")');
  expect(header).not.toContain('__import_name__("SYS_fadvise64")');
  expect(header).toContain(
    "#define __wali_SYS_lseek(a, b, c, d, e, f) __import_lseek((int)(a), (long long)(b), (int)(c))",
  );
  expect(header).toContain("long long __import_getpid(void)");
});

it("keeps calls that need the library's help out of syscall(2)", () => {
  const text = syscallFunction();
  for (const name of ["fork", "execve", "exit", "rt_sigaction"])
    expect(text).not.toMatch(new RegExp(`case SYS_${name}:`));
  expect(text).toContain("case SYS_gettid: return __syscall_ret(__syscall(SYS_gettid));");
  expect(text).toContain("default: return __syscall_ret(-ENOSYS);");
});
