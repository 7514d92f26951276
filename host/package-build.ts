/**
 * `npm run build`: makes `dist/`, the package as it is published: JavaScript (Node does not strip types inside node_modules), the images that are
 * built, their manifests, and a package.json that points at them. `npm pack ./dist` then gives what a stranger installs.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, "node_modules", ".bin", "tsc"), ["-p", join(root, "host", "tsconfig.build.json")], {
  stdio: "inherit",
});

const guests = join(root, "guests");
mkdirSync(join(dist, "guests", "build"), { recursive: true });
for (const name of readdirSync(guests)) {
  const manifest = join(guests, name, "ringzero.json");
  const module = join(guests, "build", `${name}.wasm`);
  if (!existsSync(manifest) || !existsSync(module)) continue;
  mkdirSync(join(dist, "guests", name));
  cpSync(manifest, join(dist, "guests", name, "ringzero.json"));
  cpSync(module, join(dist, "guests", "build", `${name}.wasm`));
}
// The SDK, for whoever writes a guest: AssemblyScript compiles from source.
cpSync(join(guests, "lib"), join(dist, "guests", "lib"), { recursive: true });
for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) cpSync(join(root, file), join(dist, file));

const { name, version, description, license, type, engines, dependencies } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const published = {
  name,
  version,
  description,
  license,
  type,
  engines,
  bin: { ringzero: "./host/cli.js" },
  exports: { ".": { types: "./host/index.d.ts", default: "./host/index.js" } },
  dependencies,
};
writeFileSync(join(dist, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
chmodSync(join(dist, "host", "cli.js"), 0o755);
