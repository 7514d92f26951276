/**
 * What a guest may import, and what happens to one that imports something else or dies.
 */
import { describe, expect, it } from "vitest";
import { boot, UsageError } from "../../../host/index.ts";
import { F64, I32, I64, WasmWriter } from "../../../kernel/shim/wasm-writer.ts";

interface GuestImport {
  readonly module?: string;
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

/** A guest with these imports whose `_start` is `code` (function indices: imports first), one page of memory. */
function guest(imports: readonly GuestImport[], code: readonly number[]): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(imports.length + 1);
  const section = new WasmWriter().u32(imports.length);
  imports.forEach(({ module = "ringzero", name, parameters, results }, index) => {
    types
      .byte(0x60)
      .u32(parameters.length)
      .byte(...parameters)
      .u32(results.length)
      .byte(...results);
    section.name(module).name(name).byte(0).u32(index);
  });
  types.byte(0x60, 0, 0);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, section)
    .section(3, new WasmWriter().u32(1).u32(imports.length))
    .section(5, new WasmWriter().u32(1).byte(0).u32(1))
    .section(7, new WasmWriter().u32(2).name("_start").byte(0).u32(imports.length).name("memory").byte(2, 0))
    .section(10, new WasmWriter().u32(1).sized(new WasmWriter().u32(0).byte(...code, 0x0b)))
    .toUint8Array();
}

const DROP = 0x1a;
const exitGroup: GuestImport = { name: "exit_group", parameters: [I32], results: [] };

describe("the native personality", () => {
  it("answers ENOSYS to a call that there is not, and reports its name once", async () => {
    const lines: string[] = [];
    const unknown: GuestImport = { name: "frobnicate", parameters: [I32], results: [I32] };
    // exit_group(-frobnicate(7)) after two more calls of it
    const code = [0x41, 7, 0x10, 0, DROP, 0x41, 7, 0x10, 0, DROP, 0x41, 0, 0x41, 7, 0x10, 0, 0x6b, 0x10, 1];
    const machine = await boot(guest([unknown, exitGroup], code), { log: (line) => lines.push(line) });
    expect((await machine.exited).code).toBe(38);
    expect(lines.filter((line) => line.includes("ringzero.frobnicate"))).toHaveLength(1);
    expect(lines[0]).toContain("ENOSYS");
  });

  it("answers ENOSYS as a 64-bit integer where the guest wants one", async () => {
    const unknown: GuestImport = { name: "wide", parameters: [I64, F64], results: [I64] };
    const code = [0x42, 1, 0x44, ...new Array(8).fill(0), 0x10, 0, 0xa7, 0x41, 0x7f, 0x6c, 0x10, 1]; // exit_group(-wide(1, 0))
    const machine = await boot(guest([unknown, exitGroup], code), { log: () => {} });
    expect((await machine.exited).code).toBe(38);
  });

  it("refuses imports of other modules before the guest starts, by name", async () => {
    const alien: GuestImport = { module: "wasi_snapshot_preview1", name: "fd_write", parameters: [], results: [] };
    await expect(boot(guest([alien], []))).rejects.toThrow(/wasi_snapshot_preview1\.fd_write/);
    await expect(boot(guest([alien], []))).rejects.toBeInstanceOf(UsageError);
  });

  it("refuses an import of another type than the row's", async () => {
    const wrong: GuestImport = { name: "read", parameters: [I32], results: [I32] };
    await expect(boot(guest([wrong], []))).rejects.toThrow(/ringzero\.read has another type.*read\(fd: fd, buf: ptr/);
  });

  it.each([
    ["unreachable", [0x00], 132],
    ["an address out of bounds", [0x41, 0x7f, 0x28, 2, 0, DROP], 139],
    ["a division by zero", [0x41, 1, 0x41, 0, 0x6d, DROP], 136],
    ["endless recursion", [0x10, 0], 139],
  ] as [string, number[], number][])(
    "lets a guest die of %s, with the signal that Linux would have sent",
    async (_what, code, status) => {
      const machine = await boot(guest([], code));
      const exit = await machine.exited;
      expect(exit.code).toBe(status);
      expect(exit.reason).toMatch(/^the guest died: /);
    },
  );

  it("ends with 126 if there is no _start", async () => {
    const empty = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    expect(await (await boot(empty)).exited).toEqual({ code: 126, reason: "the module exports no _start function" });
  });
});
