/**
 * The guest's descriptors 0, 1 and 2 on whatever the process has there: pipes, files, a terminal, readers that are slow or gone.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const cli = fileURLToPath(new URL("../../host/cli.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ringzero-streams-"));
const text = Buffer.from(Array.from({ length: 300_000 }, (_, line) => `line ${line}\n`).join(""));
const textFile = join(folder, "text");
writeFileSync(textFile, text);

type Stdio = "pipe" | "ignore" | number;

function cat(stdio: [Stdio, Stdio, Stdio], ...names: string[]): ChildProcess {
  return spawn(process.execPath, [cli, "run", "cat", "--", ...names], { stdio });
}

async function contents(stream: NodeJS.ReadableStream | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("files and pipes", () => {
  it("reads a file and writes a file, appending where it was opened so", async () => {
    const copy = join(folder, "copy");
    writeFileSync(copy, "before\n");
    const [input, output] = [openSync(textFile, "r"), openSync(copy, "a")];
    const [code] = await once(cat([input, output, "pipe"]), "close");
    closeSync(input);
    closeSync(output);
    expect(code).toBe(0);
    expect(readFileSync(copy).equals(Buffer.concat([Buffer.from("before\n"), text]))).toBe(true);
  });

  it("waits for a slow reader, and loses nothing", async () => {
    const child = cat(["pipe", "pipe", "pipe"]);
    child.stdin?.end(text);
    await sleep(1000); // the pipe is full by now, and the guest waits
    expect(child.exitCode).toBe(null);
    expect((await contents(child.stdout)).equals(text)).toBe(true);
  });

  it("keeps the order of stdout and stderr on one pipe", () => {
    const { stdout } = spawnSync(
      "sh",
      ["-c", '"$@" 2>&1', "sh", process.execPath, cli, "run", "cat", "/no", "-", "/nor"],
      {
        input: "between\n",
        encoding: "utf8",
      },
    );
    expect(stdout).toBe("cat: /no: No such file or directory\nbetween\ncat: /nor: No such file or directory\n");
  });

  it("answers EPIPE to a guest whose reader is gone: an endless one ends", async () => {
    const child = cat(["pipe", "pipe", "pipe"]);
    const feed = setInterval(() => child.stdin?.write("y\n".repeat(1000)), 5);
    child.stdin?.on("error", () => {});
    await once(child.stdout as NodeJS.ReadableStream, "data");
    child.stdout?.destroy();
    const [errors, [code]] = await Promise.all([contents(child.stderr), once(child, "close")]);
    clearInterval(feed);
    expect(errors.toString()).toBe("cat: write error: Broken pipe\n");
    expect(code).toBe(1);
  });

  it("ends although nobody reads what it has to say", async () => {
    const child = cat(["ignore", "pipe", "pipe"], "/no");
    child.stdout?.destroy();
    child.stderr?.destroy();
    expect((await once(child, "exit"))[0]).toBe(1);
  });
});

const noScript = spawnSync("script", ["--version"]).error ? "script is not installed" : undefined;
if (noScript) console.log(`a terminal: ${noScript}; apt-get install bsdutils enables these tests`);

/** A process on a terminal of its own: what is written to its stdin is typed there. With `log`, its stdout is that file instead. */
function onTerminal(args: readonly string[], log?: string): ChildProcess {
  const command = [process.execPath, cli, ...args].map((word) => `'${word}'`).join(" ");
  const redirected = log === undefined ? command : `exec ${command} >'${log}'`;
  return spawn("script", ["-qefc", redirected, "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] });
}

describe.skipIf(noScript)("a terminal", () => {
  it("is read line by line, to its end", async () => {
    const child = onTerminal(["run", "cat"]);
    let said = "";
    child.stdout?.on("data", (chunk) => {
      said += chunk;
    });
    child.stdin?.write("typed\n");
    while (said !== "typed\r\ntyped\r\n") await sleep(20); // its echo, and the guest
    child.stdin?.write("\u0004");
    const [code] = await once(child, "close");
    expect({ code, said }).toEqual({ code: 0, said: "typed\r\ntyped\r\n" });
  });

  it("is not read by a server, whose Ctrl-C ends it cleanly", async () => {
    // Not to the terminal: the line discipline drops what was written to it between the signal and its flush (n_tty.c, isig).
    const log = join(folder, "log");
    const child = onTerminal(["run", "redis", "--publish", "0:6379"], log);
    let said = "";
    child.stdout?.on("data", (chunk) => {
      said += chunk;
    });
    while (!said.includes("ready redis")) await sleep(20);
    child.stdin?.write("ignored\n\u0003");
    const [code] = await once(child, "close");
    expect({ code, said, log: readFileSync(log, "utf8") }).toEqual({
      code: 0,
      said: expect.stringContaining("ready redis"),
      log: expect.stringContaining("bye bye"),
    });
  });
});
