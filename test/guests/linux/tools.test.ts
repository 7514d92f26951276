import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { findTools } from "../../../guests/linux/tools.ts";

const path = process.env.PATH;
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tools-"));
  process.env.PATH = folder;
});

afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

function program(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

it("says in one line what is missing where there is no apt", async () => {
  const message = await findTools(() => {}).then(String, (error: Error) => error.message);
  expect(message).toMatch(
    /^the C toolchain is made of Debian's packages, and this is no Debian; missing: clang-22 lld-22 llvm-22 /,
  );
  expect(message).not.toContain("\n");
});

it("says in one line what is missing where it may not install it", async () => {
  vi.spyOn(process, "getuid").mockReturnValue(1000);
  program("apt-get", "exit 0");
  program("clang-22", "exit 0");
  const message = await findTools(() => {}).then(String, (error: Error) => error.message);
  expect(message).toMatch(
    /^missing packages: lld-22 llvm-22 .*\. Install them \(apt-get install lld-22 .*\) or run this as root$/,
  );
});

it("installs what is missing as root, and passes apt's words on if that fails", async () => {
  vi.spyOn(process, "getuid").mockReturnValue(0);
  program(
    "apt-get",
    'case "$*" in *update*|*version*) exit 0;; esac; echo "E: Unable to locate package" >&2; exit 100',
  );
  const said: string[] = [];
  await expect(findTools((text) => said.push(text))).rejects.toThrow(/apt-get .* failed:\nE: Unable to locate package/);
  expect(said.join()).toMatch(/^installing clang-22 /);
});
