/**
 * Stands where memcached's tests expect the program: takes memcached's own arguments, and runs the image with them, its ports and its
 * Unix socket published under the same numbers and the same path, the folders that the tests use shared at the same paths.
 *
 *   node memcached-wrapper.ts IMAGE [ARGS…]
 *
 * It becomes the `ringzero` command, in this process, so that signals reach it. A machine ends with its first process, so it is the wrapper
 * that goes into the background for -d, and the guest is told the wrapper's process id, for its pid file.
 */
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { hostNeeds } from "./memcached-arguments.ts";

const [image = "", ...args] = process.argv.slice(2);
const { ports, socketPath, foreground } = hostNeeds(args);
const cli = fileURLToPath(new URL("../../../host/cli.ts", import.meta.url));

if (foreground !== null) {
  const command = [fileURLToPath(import.meta.url), image, ...foreground];
  const child = spawn(process.execPath, command, { detached: true, stdio: "ignore" });
  const serves = (): Promise<boolean> =>
    new Promise((resolve) => {
      const probe = socketPath === null ? connect(ports[0] ?? 0, "127.0.0.1") : connect(socketPath);
      probe.on("connect", () => resolve(true)).on("error", () => resolve(false));
      probe.on("connect", () => probe.destroy());
    });
  while ((child.exitCode ?? child.signalCode) === null && !(await serves()))
    await new Promise((resolve) => setTimeout(resolve, 50));
  process.exit(child.exitCode ?? 0);
}
const options = ["--pid", "host"];
for (const port of ports) options.push("--publish", `${port}:${port}`);
if (socketPath !== null) options.push("--publish", `${socketPath}:${socketPath}`);
for (const folder of new Set([tmpdir(), process.cwd()])) options.push("--volume", `${folder}:${folder}`);
for (const [name, value] of Object.entries(process.env)) {
  // What memcached reads of its environment.
  if (/^(MEMCACHED|T_MEMD)_/.test(name)) options.push("--env", `${name}=${value}`);
}
process.argv = [process.execPath, cli, "run", ...options, image, "--", ...args];
await import("../../../host/cli.ts");
