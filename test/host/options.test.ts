import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  parseEnvironment,
  parseHostAddress,
  parseMemory,
  parsePathPublications,
  parsePid,
  parsePreopens,
  parsePublications,
  parseUdp,
  parseVolumes,
} from "../../host/options.ts";
import { UsageError } from "../../host/usage-error.ts";

describe("boot options", () => {
  it("serves UDP by node:dgram unless asked for something else that there is", () => {
    expect(parseUdp()).toBeNull();
    expect(parseUdp("dgram")).toBeNull();
    expect(() => parseUdp("carrier pigeon")).toThrow(new UsageError('udp "carrier pigeon": give dgram or ffi'));
  });

  it("reads memory sizes and rounds them up to pages", () => {
    expect(parseMemory("64mb")).toBe(64 * 2 ** 20);
    expect(parseMemory("2GB")).toBe(2 * 2 ** 30);
    expect(parseMemory("1.5g")).toBe(1.5 * 2 ** 30);
    expect(parseMemory("64k")).toBe(65536);
    expect(parseMemory(65537)).toBe(131072);
    expect(parseMemory("4gb")).toBe(2 ** 32);
    for (const bad of [
      "",
      "lots",
      "-1",
      "0",
      "1k",
      "5gb",
      "1e9",
      "64 furlongs",
      Number.NaN,
      -65536,
      Number.POSITIVE_INFINITY,
    ]) {
      expect(() => parseMemory(bad), String(bad)).toThrow(UsageError);
    }
  });

  it("reads host addresses", () => {
    expect(parseHostAddress("6379")).toEqual({ host: "127.0.0.1", port: 6379 });
    expect(parseHostAddress("0.0.0.0:0")).toEqual({ host: "0.0.0.0", port: 0 });
    expect(parseHostAddress("[::1]:80")).toEqual({ host: "::1", port: 80 });
    for (const bad of ["", ":", "a:b", "1:2:3", "65536", "127.0.0.1:", "::1:80"]) {
      expect(() => parseHostAddress(bad), bad).toThrow(UsageError);
    }
  });

  it("reads publications in all their forms", () => {
    expect(parsePublications({ 6379: 0, 80: "0.0.0.0:8080", 81: { port: 1 }, 82: { host: "::1", port: 2 } })).toEqual([
      { guestPort: 80, host: "0.0.0.0", port: 8080 },
      { guestPort: 81, host: "127.0.0.1", port: 1 },
      { guestPort: 82, host: "::1", port: 2 },
      { guestPort: 6379, host: "127.0.0.1", port: 0 },
    ]);
    for (const bad of [{ 0: 1 }, { 65536: 1 }, { 80: -1 }, { 80: 1.5 }, { 80: 65536 }, { 80: Number.NaN }]) {
      expect(() => parsePublications(bad), JSON.stringify(bad)).toThrow(UsageError);
    }
  });

  it("reads published Unix sockets, and keeps them apart from ports", () => {
    const publish = { "/run/a.sock": "/tmp/b.sock", 80: 81 };
    expect(parsePathPublications(publish)).toEqual([{ guestPath: "/run/a.sock", hostPath: "/tmp/b.sock" }]);
    expect(parsePublications(publish)).toEqual([{ guestPort: 80, host: "127.0.0.1", port: 81 }]);
    const long = `/${"x".repeat(107)}`;
    for (const bad of [{ "/a": 80 }, { "/a": { port: 80 } }, { "/a": long }, { [long]: "/a" }]) {
      expect(() => parsePathPublications(bad), JSON.stringify(bad)).toThrow(UsageError);
    }
  });

  it("checks the first process' id", () => {
    expect(parsePid(1)).toBe(1);
    expect(parsePid(4194304)).toBe(4194304);
    for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 31]) expect(() => parsePid(bad), String(bad)).toThrow(UsageError);
  });

  it("checks volumes: an absolute guest path, a folder that is there", () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-"));
    writeFileSync(join(folder, "file"), "");
    expect(parseVolumes({ "/data/": folder })).toEqual([{ guestPath: "/data", hostPath: folder, readOnly: false }]);
    expect(parseVolumes({ "/d": { host: folder, readOnly: true } })[0]?.readOnly).toBe(true);
    expect(() => parseVolumes({ data: folder })).toThrow("absolute");
    expect(() => parseVolumes({ "/": folder })).toThrow("absolute");
    expect(() => parseVolumes({ "/data": join(folder, "missing") })).toThrow("does not exist");
    expect(() => parseVolumes({ "/data": join(folder, "file") })).toThrow("not a folder");
  });

  it("gives WASI programs the volumes, but those of which a part is preopened by name, and what is preopened besides", () => {
    const volume = (guestPath: string) => ({ guestPath, hostPath: "/host", readOnly: false });
    expect(parsePreopens({}, [volume("/a"), volume("/b")])).toEqual([
      { path: "/a", name: "/a" },
      { path: "/b", name: "/b" },
    ]);
    expect(
      parsePreopens({ "/": "/a", part: "/b/c/", own: "/tmp" }, [volume("/a"), volume("/b"), volume("/bb")]),
    ).toEqual([
      { path: "/bb", name: "/bb" },
      { path: "/a", name: "/" },
      { path: "/b/c", name: "part" },
      { path: "/tmp", name: "own" },
    ]);
    expect(parsePreopens({ all: "/" }, [volume("/a")])).toHaveLength(2);
    for (const bad of [{ a: "relative" }, { "": "/a" }, { "a\0": "/a" }])
      expect(() => parsePreopens(bad, [])).toThrow(UsageError);
  });

  it("refuses environment names that no environment can hold", () => {
    expect(parseEnvironment({ A: "b=c", B: "" })).toEqual(["A=b=c", "B="]);
    for (const bad of [{ "": "x" }, { "A=B": "x" }, { A: "x\0" }, { "A\0": "x" }]) {
      expect(() => parseEnvironment(bad)).toThrow(UsageError);
    }
  });
});
