/**
 * What a guest may import, and what happens to one that imports something else or dies.
 */
import { describe, expect, it } from "vitest";
import { boot, UsageError } from "../../../host/index.ts";
import { F64, I32, I64 } from "../../../kernel/shim/wasm-writer.ts";
import { type GuestImport, guestModule } from "./guest-module.ts";

const DROP = 0x1a;
const exitGroup: GuestImport = { name: "exit_group", parameters: [I32], results: [] };

describe("the native personality", () => {
  it("says before the start which calls there are not, answers ENOSYS to them, and reports their names once", async () => {
    const lines: string[] = [];
    const unknown: GuestImport = { name: "frobnicate", parameters: [I32], results: [I32] };
    // exit_group(-frobnicate(7)) after two more calls of it
    const code = [0x41, 7, 0x10, 0, DROP, 0x41, 7, 0x10, 0, DROP, 0x41, 0, 0x41, 7, 0x10, 0, 0x6b, 0x10, 1];
    const machine = await boot(guestModule([unknown, exitGroup], code), { log: (line) => lines.push(line) });
    expect((await machine.exited).code).toBe(38);
    expect(lines[0]).toBe("personality ringzero: imports that it does not have: ringzero.frobnicate");
    expect(
      lines.filter((line) => line.includes("unknown system call ringzero.frobnicate: answered ENOSYS")),
    ).toHaveLength(1);
  });

  it("answers ENOSYS as a 64-bit integer where the guest wants one", async () => {
    const unknown: GuestImport = { name: "wide", parameters: [I64, F64], results: [I64] };
    const code = [0x42, 1, 0x44, ...new Array(8).fill(0), 0x10, 0, 0xa7, 0x41, 0x7f, 0x6c, 0x10, 1]; // exit_group(-wide(1, 0))
    const machine = await boot(guestModule([unknown, exitGroup], code), { log: () => {} });
    expect((await machine.exited).code).toBe(38);
  });

  it("refuses imports of other modules before the guest starts, by name", async () => {
    const alien: GuestImport = { module: "wasi_unstable", name: "fd_write", parameters: [], results: [] };
    await expect(boot(guestModule([alien], []))).rejects.toThrow(/wasi_unstable\.fd_write/);
    await expect(boot(guestModule([alien], []))).rejects.toBeInstanceOf(UsageError);
  });

  it("refuses an import of another type than the row's", async () => {
    const wrong: GuestImport = { name: "read", parameters: [I32], results: [I32] };
    await expect(boot(guestModule([wrong], []))).rejects.toThrow(
      /ringzero\.read has another type.*read\(fd: fd, buf: ptr/,
    );
  });

  it.each([
    ["unreachable", [0x00], 132],
    ["an address out of bounds", [0x41, 0x7f, 0x28, 2, 0, DROP], 139],
    ["a division by zero", [0x41, 1, 0x41, 0, 0x6d, DROP], 136],
    ["endless recursion", [0x10, 0], 139],
  ] as [string, number[], number][])(
    "lets a guest die of %s, with the signal that Linux would have sent",
    async (_what, code, status) => {
      const machine = await boot(guestModule([], code));
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
