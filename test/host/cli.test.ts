/**
 * The `ringzero` command as a user meets it: what is on stdout and stderr, and the exit code.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { I32 } from "../../kernel/shim/wasm-writer.ts";
import { guestModule } from "../kernel/personality/guest-module.ts";

const cli = fileURLToPath(new URL("../../host/cli.ts", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  stderr(): string;
}

function start(...args: string[]): Run {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return { child, stderr: () => stderr, ended: once(child, "close").then(([code]) => ({ code, stdout, stderr })) };
}

async function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { child, ended } = start(...args);
  child.stdin?.end();
  return ended;
}

async function ready(subject: Run): Promise<string> {
  for (let left = 400; left > 0; left--) {
    const line = /^ready .*$/m.exec(subject.stderr());
    if (line) return line[0];
    if (subject.child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`never ready:\n${subject.stderr()}`);
}

describe("ringzero run", () => {
  it("runs a guest to its end: its output, its arguments, its exit code", async () => {
    const { code, stdout, stderr } = await run(
      "run",
      "hello",
      "--name",
      "greeter",
      "--env",
      "A=b",
      "--",
      "--flag",
      "x y",
    );
    expect(stdout).toContain("greeter");
    expect(stdout).toContain("--flag");
    expect(stdout).toContain("x y");
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("passes stdin on, and a failing guest's exit code", async () => {
    const subject = start("run", "cat");
    subject.child.stdin?.end("line 1\nline 2\n");
    expect(await subject.ended).toEqual({ code: 0, stdout: "line 1\nline 2\n", stderr: "" });
    const missing = await run("run", "cat", "--", "/no/such/file");
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/no\/such\/file.*No such file/);
  });

  it("passes megabytes through without losing a byte", async () => {
    const text = `${"0123456789abcdef".repeat(64)}\n`.repeat(4000);
    const subject = start("run", "cat");
    subject.child.stdin?.end(text);
    const { stdout, code } = await subject.ended;
    expect(code).toBe(0);
    expect(stdout === text).toBe(true);
  });

  it("mounts volumes, read-only where asked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-cli-"));
    writeFileSync(join(folder, "note"), "from the host\n");
    expect(await run("run", "cat", "--volume", `${folder}:/mnt:ro`, "--", "/mnt/note")).toEqual({
      code: 0,
      stdout: "from the host\n",
      stderr: "",
    });
  });

  it("runs a WASI program, and says before it starts which of its imports there are not", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "ringzero-cli-")), "program.wasm");
    const module = "wasi_snapshot_preview1";
    const call = (name: string, results: number[]) => ({
      module,
      name,
      parameters: results.length ? [] : [I32],
      results,
    });
    // proc_exit(fd_new())
    writeFileSync(file, guestModule([call("fd_new", [I32]), call("proc_exit", [])], [0x10, 0, 0x10, 1]));
    const { code, stdout, stderr } = await run("run", file, "--preopen", "/tmp:/", "--wasi", "node");
    expect(stderr.split("\n")).toEqual([
      "ringzero: personality wasi_snapshot_preview1: imports that it does not have: wasi_snapshot_preview1.fd_new",
      expect.stringContaining("unknown system call wasi_snapshot_preview1.fd_new: answered ENOSYS"),
      "",
    ]);
    expect(stdout).toBe("");
    expect(code).toBe(52);
  });

  it.each([
    [["run", "no-such-image"], /^ringzero: no image "no-such-image"/],
    [["run", "hello", "--bad-flag"], /^ringzero: unknown option '--bad-flag'/],
    [["run"], /^ringzero: missing required argument 'image'/],
    [["fly"], /^ringzero: unknown command 'fly'/],
    [["run", "hello", "--memory", "tiny"], /^ringzero: memory "tiny"/],
    [["run", "hello", "--publish", "80"], /^ringzero: --publish 80: give HOST:GUEST/],
    [["run", "hello", "--publish", "99999:80"], /^ringzero: host port "99999"/],
    [
      ["run", "hello", "--publish", "1:80", "--publish", "2:80"],
      /^ringzero: --publish 2:80: guest port 80 is published already/,
    ],
    [["run", "hello", "--volume", "/tmp"], /^ringzero: --volume \/tmp: give HOST:GUEST/],
    [
      ["run", "hello", "--volume", "/no/such/folder:/data"],
      /^ringzero: volume \/data: the host folder \/no\/such\/folder does not exist/,
    ],
    [["run", "hello", "--preopen", "tmp"], /^ringzero: --preopen tmp: give GUEST or GUEST:NAME/],
    [["run", "hello", "--wasi", "maybe"], /^ringzero: --wasi maybe: give standard or node/],
    [["run", "hello", "--env", "NOVALUE"], /^ringzero: --env NOVALUE: give NAME=VALUE/],
    [["run", "hello", "--api", "127.0.0.1:8000"], /^ringzero: --api 127.0.0.1:8000: the REST API is not there yet/],
    [["run", "hello", "--outbound", "moon"], /^ringzero: --outbound moon/],
    [["run", "hello", "--udp", "pigeon"], /^ringzero: --udp pigeon: give dgram or ffi/],
    [["run", "hello", "--stop-timeout", "soon"], /^ringzero: --stop-timeout soon: give seconds/],
  ] as [string[], RegExp][])("refuses %j in one line", async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(64);
  });

  it("says which port is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const { code, stderr } = await run("run", "redis", "--publish", `${port}:6379`);
    server.close();
    expect(stderr).toMatch(new RegExp(`^ringzero: port ${port} of 127\\.0\\.0\\.1 is in use`));
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).not.toBe(0);
  });

  it("prints the ready line, and ends the guest cleanly on SIGTERM", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-cli-"));
    const subject = start(
      "run",
      "redis",
      "--publish",
      "0:6379",
      "--volume",
      `${folder}:/data`,
      "--",
      "--appendonly",
      "yes",
    );
    const line = await ready(subject);
    expect(line).toMatch(/^ready redis 127\.0\.0\.1:\d+ boot=\d+ ms$/);
    subject.child.kill("SIGTERM");
    const { code, stdout } = await subject.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/Ready to accept connections/);
    expect(stdout).toMatch(/bye bye/);
    expect(readFileSync(join(folder, "appendonlydir/appendonly.aof.manifest"), "utf8")).toMatch(/type i/);
  });

  it("ends a guest that has no handler by the signal's default action", async () => {
    const subject = start("run", "echo", "--publish", "0:7");
    await ready(subject);
    subject.child.kill("SIGINT");
    expect((await subject.ended).code).toBe(130);
  });

  it("tells its version and its options", async () => {
    expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await run("run", "--help");
    for (const option of ["--publish", "--volume", "--memory", "--env", "--name", "--stop-timeout"])
      expect(help.stdout).toContain(option);
    expect(help.code).toBe(0);
  });
});
