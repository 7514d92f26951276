import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { loadImage, shippedImages } from "../../host/image.ts";
import { UsageError } from "../../host/usage-error.ts";
import { callModule } from "../kernel/syscall/call-module.ts";

describe("images", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ringzero-image-"));
  });

  it("finds the shipped ones by name", async () => {
    expect(shippedImages()).toEqual(expect.arrayContaining(["redis", "hello", "cat", "echo", "http"]));
    expect((await loadImage("hello")).manifest.name).toBe("hello");
  });

  it("loads a .wasm file, a folder with a manifest, and bytes", async () => {
    writeFileSync(join(folder, "calls.wasm"), callModule());
    expect((await loadImage(join(folder, "calls.wasm"))).manifest.name).toBe("calls");
    writeFileSync(join(folder, "ringzero.json"), JSON.stringify({ name: "mine", module: "calls.wasm", files: "root" }));
    await expect(loadImage(folder)).rejects.toThrow("files folder");
    mkdirSync(join(folder, "root"));
    const image = await loadImage(folder);
    expect(image.manifest.name).toBe("mine");
    expect(image.filesFolder).toBe(join(folder, "root"));
    expect((await loadImage(callModule())).shape.exports).toContain("getpid");
  });

  it("compiles a file once, and again when it has changed", async () => {
    const path = join(folder, "a.wasm");
    writeFileSync(path, callModule());
    const first = await loadImage(path);
    expect((await loadImage(path)).module).toBe(first.module);
    writeFileSync(path, new Uint8Array([...callModule(), 0, 2, 1, 97])); // an empty custom section "a"
    expect((await loadImage(path)).module).not.toBe(first.module);
  });

  it("says in one line what is missing or wrong", async () => {
    const cases: [name: string, message: RegExp][] = [
      ["no-such-image", /no image "no-such-image": the shipped ones are .*redis/],
      ["../../etc", /no image|no ringzero.json/],
      [folder, /no ringzero.json/],
    ];
    writeFileSync(join(folder, "text.wasm"), "#!/bin/sh\n");
    cases.push([join(folder, "text.wasm"), /not a WebAssembly module/]);
    writeFileSync(join(folder, "cut.wasm"), callModule().subarray(0, 500));
    cases.push([join(folder, "cut.wasm"), /longer than the module|middle of a section/]);
    const bad = join(folder, "bad");
    mkdirSync(bad);
    writeFileSync(join(bad, "ringzero.json"), "{");
    cases.push([bad, /ringzero.json: .*JSON/]);
    const nameless = join(folder, "nameless");
    mkdirSync(nameless);
    writeFileSync(join(nameless, "ringzero.json"), "{}");
    cases.push([nameless, /needs at least/]);
    const empty = join(folder, "empty");
    mkdirSync(empty);
    writeFileSync(join(empty, "ringzero.json"), '{"name":"x"}');
    cases.push([empty, /module .* does not exist/]);
    for (const [name, message] of cases) {
      const error = await loadImage(name).then(
        () => new Error("loaded"),
        (reason: Error) => reason,
      );
      expect(error, name).toBeInstanceOf(UsageError);
      expect(error.message, name).toMatch(message);
      expect(error.message).not.toContain("\n");
    }
  });
});
