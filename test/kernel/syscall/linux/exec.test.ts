/**
 * execve(2): which files are programs, what a script is, and what of a process goes on.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY } from "../../../../kernel/abi/fcntl.ts";
import { SIG_DFL, SIG_IGN, SIGUSR1, SIGUSR2 } from "../../../../kernel/abi/signal.ts";
import { WOULD_BLOCK } from "../../../../kernel/sched/task.ts";
import { ProgramReplaced } from "../../../../kernel/syscall/guest-exit.ts";
import { BUFFER, LinuxMachine, type TestThread } from "../../process/linux-fixture.ts";
import { tinyProgram } from "../../process/tiny-program.ts";

let m: LinuxMachine;
let t: TestThread;
beforeEach(() => {
  m = new LinuxMachine();
  t = m.thread();
});

function put(path: string, contents: Uint8Array | string, mode = 0o755): void {
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const fd = m.must("openat", AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  m.put(BUFFER, bytes);
  expect(m.call("write", fd, BUFFER, bytes.length)).toBe(bytes.length);
  m.must("close", fd);
}

/** The address of an array of strings. */
function strings(at: number, list: readonly string[]): number {
  const { mem } = m.process;
  let text = at + 4 * (list.length + 1);
  list.forEach((entry, index) => {
    mem.setU32(at + 4 * index, text);
    m.put(text, `${entry}\0`);
    text += entry.length + 1;
  });
  mem.setU32(at + 4 * list.length, 0);
  return at;
}

const ARGV = BUFFER + 0x10000;
const ENVP = BUFFER + 0x50000;

function execve(path: string, argv: readonly string[] = [path], envp: readonly string[] = []): number | string {
  return m.callOf(m.process, "execve", path, strings(ARGV, argv), strings(ENVP, envp));
}

describe("a file that is executed", () => {
  it("becomes the program, with its arguments and environment", () => {
    put("/bin-a", tinyProgram());
    expect(() => execve("/bin-a", ["name", "one", "two words"], ["A=1", "B="])).toThrow(ProgramReplaced);
    expect(m.process.boot).toMatchObject({ name: "bin-a", args: ["name", "one", "two words"], env: ["A=1", "B="] });
    expect(m.process.linux.hasExecuted).toBe(true);
    expect([...m.process.tasks].map(({ tid }) => tid)).toEqual([m.process.pid]);
    expect(t.isDead).toBe(true);
  });

  it("runs, and its exit status is the machine's", async () => {
    put("/bin-a", tinyProgram("exit_group", 42));
    expect(() => execve("/bin-a")).toThrow(ProgramReplaced);
    m.run();
    await new Promise((resolve) => setImmediate(resolve));
    expect(m.end).toEqual({ code: 42, reason: null });
  });

  it("gets an empty name if there are no arguments", () => {
    put("/bin-a", tinyProgram());
    expect(() => m.call("execve", "/bin-a", 0, 0)).toThrow(ProgramReplaced);
    expect(m.process.boot.args).toEqual([""]);
  });

  it("has to be there, to be a file, executable, and a module", () => {
    put("/plain", tinyProgram(), 0o644);
    put("/text", "hello, world: no program");
    put("/short", "\0asm");
    put("/cut", tinyProgram().subarray(0, 40));
    put("/native", new Uint8Array([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    m.must("mkdir", "/folder", 0o755);
    expect(execve("/none")).toBe("ENOENT");
    expect(execve("")).toBe("ENOENT");
    expect(execve("/plain/x")).toBe("ENOTDIR");
    expect([execve("/plain"), execve("/folder"), execve("/dev/null")]).toEqual(["EACCES", "EACCES", "EACCES"]);
    expect([execve("/text"), execve("/short"), execve("/cut"), execve("/native")]).toEqual(
      Array.from({ length: 4 }, () => "ENOEXEC"),
    );
    expect(m.end).toBe(null);
  });

  it("is not given more than fits", () => {
    put("/bin-a", tinyProgram());
    expect(execve("/bin-a", ["x".repeat(131072)])).toBe("E2BIG");
    const { mem } = m.process;
    const long = BUFFER;
    mem.u8.fill(0x78, long, long + 0xfff0);
    mem.u8[long + 0xfff0] = 0;
    for (let i = 0; i < 40; i++) mem.setU32(ARGV + 4 * i, long); // 40 times the same 65,520 bytes
    mem.setU32(ARGV + 160, 0);
    expect(m.call("execve", "/bin-a", ARGV, 0)).toBe("E2BIG");
    expect(m.call("execve", "/bin-a", 0xfffffffc, 0)).toBe("EFAULT");
    mem.setU32(ARGV, 0xfffffff0);
    expect(m.call("execve", "/bin-a", ARGV, 0)).toBe("EFAULT");
    expect(m.call("execve", 0xfffffff0, 0, 0)).toBe("EFAULT");
  });
});

describe("a script", () => {
  it("is run by the program that its first line names, with one argument at most", () => {
    put("/bin-a", tinyProgram());
    put("/script", "#! /bin-a  -x  y \nbody\n");
    expect(() => execve("/script", ["zero", "one"])).toThrow(ProgramReplaced);
    expect(m.process.boot).toMatchObject({ name: "script", args: ["/bin-a", "-x  y", "/script", "one"] });
  });

  it("may be run by a script, but not for ever", () => {
    put("/bin-a", tinyProgram());
    put("/one", "#!/bin-a\n");
    put("/two", "#!/one two\n");
    expect(() => execve("/two", ["0", "1"])).toThrow(ProgramReplaced);
    expect(m.process.boot.args).toEqual(["/bin-a", "/one", "two", "/two", "1"]);
    m = new LinuxMachine();
    put("/loop", "#!/loop\n");
    expect(execve("/loop")).toBe("ELOOP");
  });

  it("needs a program that is there", () => {
    put("/missing", "#!/none\n");
    put("/empty", "#!      \n");
    expect(execve("/missing")).toBe("ENOENT");
    expect(execve("/empty")).toBe("ENOEXEC");
  });
});

describe("what goes on", () => {
  beforeEach(() => {
    put("/bin-a", tinyProgram());
  });

  it("are descriptors, but those that are closed by it", () => {
    const [kept, closed] = [
      m.must("openat", AT_FDCWD, "/a", O_RDWR | O_CREAT, 0o600),
      m.must("openat", AT_FDCWD, "/a", O_RDWR | O_CLOEXEC, 0),
    ];
    expect(() => execve("/bin-a")).toThrow(ProgramReplaced);
    expect([m.process.fds.get(kept) !== null, m.process.fds.get(closed)]).toEqual([true, null]);
  });

  it("are what is ignored, the mask and what is pending, but no handlers", () => {
    const set = (signo: number): Uint8Array => {
      const bytes = new Uint8Array(8);
      bytes[(signo - 1) >> 3] = 1 << ((signo - 1) & 7);
      return bytes;
    };
    const u = m.thread();
    u.handle(SIGUSR1, () => {});
    u.handle(SIGUSR2, SIG_IGN);
    expect(u.call("rt_sigprocmask", 0, set(SIGUSR1), 0, 8)).toBe(0);
    m.process.linux.signals.pending.add({ signo: SIGUSR1, code: 0, pid: 1, uid: 0, value: 0 });
    expect(() => u.call("execve", "/bin-a", 0, 0)).toThrow(ProgramReplaced);
    const { signals } = m.process.linux;
    expect([signals.action(SIGUSR1).handler, signals.action(SIGUSR2).handler]).toEqual([SIG_DFL, SIG_IGN]);
    expect(signals.pending.set.has(SIGUSR1)).toBe(true);
    const [task] = m.process.tasks;
    expect([task?.linux?.blocked.has(SIGUSR1), task?.signaled]).toEqual([true, false]);
  });

  it("is the alarm, and no timer of timer_create", () => {
    t.call("alarm", 10);
    expect(t.call("timer_create", 1, 0, BUFFER)).toBe(0);
    expect(() => execve("/bin-a")).toThrow(ProgramReplaced);
    expect(m.process.linux.timers.get(0)?.remainingMs).toBe(10_000);
    expect(m.process.linux.posixTimers.get(0)).toBe(undefined);
  });

  it("is none of the other threads", () => {
    const u = m.thread();
    expect(u.call("pause")).toBe(WOULD_BLOCK);
    expect(() => execve("/bin-a")).toThrow(ProgramReplaced);
    expect(u.isDead).toBe(true);
  });
});
