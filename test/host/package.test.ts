/**
 * The package as a stranger installs it: built into a folder of its own, imported from node_modules by its name, in TypeScript's eyes and
 * in Node's, and as a command.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("the published package", () => {
  let project: string;

  beforeAll(() => {
    execFileSync(process.execPath, [join(root, "host/package-build.ts")], { cwd: root, stdio: "pipe" });
    project = mkdtempSync(join(tmpdir(), "ringzero-package-"));
    mkdirSync(join(project, "node_modules/@assemblyscript"), { recursive: true });
    cpSync(join(root, "dist"), join(project, "node_modules/ringzero"), { recursive: true });
    for (const dependency of ["commander", "cli-table3", "comlink", "@assemblyscript/loader", "@types"]) {
      symlinkSync(join(root, "node_modules", dependency), join(project, "node_modules", dependency));
    }
    writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  }, 120_000);

  it("boots an image from node_modules, where Node strips no types", () => {
    writeFileSync(
      join(project, "use.js"),
      `import { boot } from "ringzero";
       const machine = await boot("redis");
       const connection = machine.connect(6379);
       connection.write("PING\\r\\n");
       connection.once("data", async (reply) => {
         process.stdout.write(reply);
         process.exitCode = (await machine.stop()).code;
       });`,
    );
    const { stdout, stderr, status } = spawnSync(process.execPath, ["use.js"], { cwd: project, encoding: "utf8" });
    expect({ stdout, stderr, status }).toEqual({ stdout: "+PONG\r\n", stderr: "", status: 0 });
  });

  it("boots shards, whose threads are in the package", () => {
    writeFileSync(
      join(project, "shards.js"),
      `import { boot } from "ringzero";
       const machine = await boot("redis", { shards: 2 });
       process.exitCode = (await machine.stop()).code;`,
    );
    const { stderr, status } = spawnSync(process.execPath, ["shards.js"], { cwd: project, encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });

  it("has types", () => {
    writeFileSync(
      join(project, "use.ts"),
      `import { boot, type BootOptions, type ExitStatus, type Machine } from "ringzero";
       const options: BootOptions = { publish: { 6379: 0 } };
       const machine: Machine = await boot("redis", options);
       const status: ExitStatus = await machine.stop();
       const port: string = machine.port(6379);
       export { port, status };`,
    );
    const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node", "use.ts"];
    const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), flags, { cwd: project, encoding: "utf8" });
    expect(stdout.trim().split("\n")).toEqual([
      expect.stringMatching(/^use\.ts\(5,.*'number' is not assignable to type 'string'/),
    ]);
  });

  it("is a command", () => {
    const cli = join(project, "node_modules/ringzero/host/cli.js");
    const { stdout, status } = spawnSync(process.execPath, [cli, "run", "hello"], { cwd: project, encoding: "utf8" });
    expect(stdout).toContain("Hello from hello");
    expect(status).toBe(0);
  });
});
