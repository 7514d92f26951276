/**
 * Ending a machine from outside: signals, `ringzero stop`, `ringzero ps`; guests that do not give their thread back, and signals at
 * every moment.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loopingGuest } from "./looping-guest.ts";
import { RunCommands } from "./run-process.ts";

let commands: RunCommands;
beforeEach(() => {
  commands = new RunCommands();
});
afterEach(() => commands.end());

/** The run folder inside the commands' temporary folder. */
const runFolder = (): string => join(commands.folder, `ringzero-${process.getuid?.()}`);

function linkAway(place: string): void {
  renameSync(place, `${place}.real`);
  symlinkSync(`${place}.real`, place);
}

describe("a guest that loops", () => {
  it.each(["silent", "calling"] as const)("is ended by a second Ctrl-C (%s)", async (how) => {
    const subject = commands.start(["run", loopingGuest(how)]);
    await subject.says(/about to loop\n/); // written before the loop: it is out, although nothing runs in that thread any more
    subject.child.kill("SIGINT");
    await subject.says(/^ringzero: loop: busy, it has not seen the SIGINT yet/m);
    expect(subject.child.exitCode).toBe(null);
    const secondMs = performance.now();
    subject.child.kill("SIGINT");
    const { code, stdout, stderr } = await subject.ended;
    expect(performance.now() - secondMs).toBeLessThan(1000);
    expect(stdout).toBe("about to loop\n");
    expect(stderr).toMatch(/\nringzero: loop: killed: a second signal came before the guest had ended\n$/);
    expect(code).toBe(137);
    expect(readdirSync(runFolder())).toEqual([]);
  });

  it("is ended by one signal after its time limit", async () => {
    const subject = commands.start(["run", "--stop-timeout", "0.2", loopingGuest("silent")]);
    await subject.says(/about to loop\n/);
    subject.child.kill("SIGTERM");
    const { code, stderr } = await subject.ended;
    expect(stderr).toBe("ringzero: loop: killed: it did not end within 200 ms\n");
    expect(code).toBe(137);
  });

  it("is ended by `ringzero stop`, which says so", async () => {
    const subject = commands.start(["run", loopingGuest("silent", "spinner")]);
    await subject.says(/about to loop\n/);
    const { code, stdout } = await commands.run("stop", "spinner", "--timeout", "0.3");
    expect(stdout).toBe(`killed spinner (pid ${subject.pid}): it did not end within 0.3 s\n`);
    expect(code).toBe(0);
    expect((await subject.ended).code).toBe(137);
  });
});

describe("ringzero stop and ps", () => {
  it("asks a machine to end, by name or process id", async () => {
    const byName = commands.start(["run", "redis", "--publish", "0:6379", "--name", "one"]);
    const byPid = commands.start(["run", "redis", "--publish", "0:6379", "--name", "two"]);
    await Promise.all([byName.says(/^ready one /m), byPid.says(/^ready two /m)]);
    const list = await commands.run("ps");
    expect(list.stdout).toMatch(/^name +pid +image +addresses +up\n/);
    expect(list.stdout).toMatch(new RegExp(`^one +${byName.pid} +redis +127\\.0\\.0\\.1:\\d+ +\\d+ s$`, "m"));
    expect((await commands.run("stop", "one")).stdout).toMatch(
      new RegExp(`^stopped one \\(pid ${byName.pid}\\) in \\d+\\.\\d\\d s\n$`),
    );
    expect(await byName.ended).toMatchObject({ code: 0, stdout: expect.stringContaining("bye bye") });
    expect((await commands.run("stop", String(byPid.pid))).code).toBe(0);
    expect((await byPid.ended).code).toBe(0);
    expect((await commands.run("ps")).stdout).toBe("no machine is running\n");
  });

  it("refuses a name that nobody has, and one that two have", async () => {
    expect(await commands.run("stop", "ghost")).toMatchObject({
      code: 64,
      stdout: "",
      stderr: 'ringzero: no machine "ghost" is running; none is\n',
    });
    const twins = [1, 2].map(() => commands.start(["run", loopingGuest("silent", "twin")]));
    await Promise.all(twins.map((twin) => twin.says(/about to loop\n/)));
    expect((await commands.run("stop", "ghost")).stderr).toMatch(/; these are: twin pid \d+, twin pid \d+\n$/);
    const { code, stderr } = await commands.run("stop", "twin");
    expect(stderr).toMatch(
      /^ringzero: 2 machines are called "twin": give a process id \(twin pid \d+, twin pid \d+\)\n$/,
    );
    expect(code).toBe(64);
  });

  it.each(["-1", "x", "1e9", "100000"])("refuses the time limit %s", async (seconds) => {
    const { code, stderr } = await commands.run("stop", "redis", `--timeout=${seconds}`);
    expect(stderr).toBe(`ringzero: --timeout ${seconds}: give seconds, from 0 to 86400\n`);
    expect(code).toBe(64);
  });

  it.each([
    ["open to others", (place: string) => chmodSync(place, 0o777)],
    ["a symbolic link", (place: string) => linkAway(place)],
  ] as const)("does not believe a run folder that is %s", async (_, change) => {
    mkdirSync(runFolder());
    change(runFolder());
    const { code, stdout, stderr } = await commands.run("run", "hello");
    expect(stderr).toMatch(
      /^ringzero: hello: `ringzero stop` will not find it: .* is not a folder of this user's alone/,
    );
    expect(stdout).toContain("Hello from hello");
    expect(code).toBe(0);
    for (const args of [["ps"], ["stop", "hello"]]) {
      const refused = await commands.run(...args);
      expect(refused.stderr).toMatch(/^ringzero: .* is not a folder of this user's alone .*\n$/);
      expect(refused.code).toBe(69);
    }
    expect(readdirSync(runFolder())).toEqual([]);
  });
});

describe("a signal at any moment", () => {
  it("ends the process, whatever it is doing", async () => {
    for (let delayMs = 0; delayMs <= 240; delayMs += 15) {
      const subject = commands.start(["run", "redis", "--publish", "0:6379"]);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      subject.child.kill("SIGTERM");
      const { code, signal, stderr } = await subject.ended;
      // Before the handler is there, before the guest is, or the guest by itself.
      expect([signal, 143, 0], `after ${delayMs} ms: code ${code}, ${signal}, ${stderr}`).toContain(signal ?? code);
      expect(stderr).toMatch(/^(ready .*\n)?$/);
    }
    expect(existsSync(runFolder()) ? readdirSync(runFolder()) : []).toEqual([]);
  }, 60_000);

  it("ends a guest that listens on nothing yet, although a port is published", async () => {
    const subject = commands.start(["run", "cat", "--publish", "0:7"], "pipe");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    subject.child.kill("SIGINT");
    expect(await subject.ended).toMatchObject({ code: 130, stderr: "" });
  });
});
