/**
 * Stands where memcached's tests expect the program: takes memcached's own arguments, and runs the image with them, its ports and its
 * Unix socket published under the same numbers and the same path, the folders that the tests use shared at the same paths.
 *
 *   node memcached-wrapper.ts IMAGE [ARGS…]
 *
 * It becomes the `ringzero` command, in this process, so that signals reach it.
 */
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { hostNeeds } from "./memcached-arguments.ts";

const [image = "", ...args] = process.argv.slice(2);
const { ports, socketPath } = hostNeeds(args);
const cli = fileURLToPath(new URL("../../../host/cli.ts", import.meta.url));

const options = ports.flatMap((port) => ["--publish", `${port}:${port}`]);
if (socketPath !== null) options.push("--publish", `${socketPath}:${socketPath}`);
for (const folder of new Set([tmpdir(), process.cwd()])) options.push("--volume", `${folder}:${folder}`);
for (const [name, value] of Object.entries(process.env)) {
  // What memcached reads of its environment.
  if (/^(MEMCACHED|T_MEMD)_/.test(name)) options.push("--env", `${name}=${value}`);
}
process.argv = [process.execPath, cli, "run", ...options, image, "--", ...args];
await import("../../../host/cli.ts");
