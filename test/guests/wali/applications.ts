/**
 * The prebuilt programs of the public WALI repository (examples/precompiled): Lua, SQLite, bash and memcached, each given a little to
 * do. They were built by others, with another C library than ours.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type BootOptions, boot } from "../../../host/index.ts";
import { runGuest } from "../run-guest.ts";

const TIMEOUT_MS = 60_000;

export interface ApplicationResult {
  readonly name: string;
  /** Null if it did what it was asked to, else what it said. */
  readonly failure: string | null;
}

/** Runs those that `folder` (a checkout's examples/precompiled) has; `missing` are the others. */
export async function runApplications(folder: string): Promise<{ results: ApplicationResult[]; missing: string[] }> {
  const scratch = mkdtempSync(join(tmpdir(), "ringzero-wali-"));
  const programs: Record<string, [path: string, run: (module: string) => Promise<string | null>]> = {
    lua: [
      "lua/lua.wasm",
      (module) =>
        expectOutput(
          module,
          { args: ["/scripts/test.lua"], volumes: { "/scripts": join(folder, "lua") } },
          "fact(5):\t120",
        ),
    ],
    sqlite3: [
      "sqlite/sqlite3.wasm",
      (module) => {
        copyFileSync(join(folder, "sqlite/chinook.db"), join(scratch, "chinook.db"));
        const stdin = readFileSync(join(folder, "sqlite/list_albums.sql"), "utf8");
        return expectOutput(
          module,
          { args: ["/data/chinook.db"], volumes: { "/data": scratch }, stdin },
          "160|Ace Of Spades",
        );
      },
    ],
    bash: [
      "bash/bash.wasm",
      (module) =>
        expectOutput(
          module,
          { args: ["/scripts/test.sh"], volumes: { "/scripts": join(folder, "bash") } },
          "read back: wali-bash-payload",
        ),
    ],
    "bash, a pipeline of processes": [
      "bash/bash.wasm",
      (module) => {
        // From a file: `bash -c` of this build calls a function by a pointer of another type, which Wasm does not allow.
        writeFileSync(
          join(scratch, "pipeline.sh"),
          "echo one two | (read a b; echo $b $a)\n(exit 3)\necho status $?\n",
        );
        return expectOutput(
          module,
          { args: ["/scripts/pipeline.sh"], volumes: { "/scripts": scratch } },
          "two one\nstatus 3",
        );
      },
    ],
    memcached: ["memcached.wasm", serveMemcached],
  };
  const results: ApplicationResult[] = [];
  const missing: string[] = [];
  try {
    for (const [name, [path, run]] of Object.entries(programs)) {
      const module = join(folder, path);
      if (existsSync(module)) results.push({ name, failure: await run(module).catch(String) });
      else missing.push(name);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { results, missing };
}

async function expectOutput(module: string, options: BootOptions, wanted: string): Promise<string | null> {
  const { code, stdout, stderr } = await withinTime(runGuest(module, options));
  return code === 0 && stdout.includes(wanted) ? null : `exit ${code}: ${stdout}${stderr}`;
}

/** Two threads of it answer a set and a get. */
async function serveMemcached(module: string): Promise<string | null> {
  const machine = await withinTime(boot(module, { args: ["-u", "root", "-t", "2"], publish: { 11211: 0 } }));
  try {
    const answer = await withinTime(talk(machine.connect(11211), "set k 0 0 5\r\nhello\r\nget k\r\n", "END\r\n"));
    return answer === "STORED\r\nVALUE k 0 5\r\nhello\r\nEND\r\n" ? null : answer;
  } finally {
    machine.kill();
  }
}

function talk(connection: Duplex, request: string, last: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    connection.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.endsWith(last)) resolve(answer);
    });
    connection.once("error", reject).once("close", () => resolve(answer));
    connection.write(request);
  });
}

function withinTime<Result>(promise: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing after ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
