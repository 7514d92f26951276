/**
 * Which programs are WASI's, what they may import, and what happens to one that imports something else.
 */
import { describe, expect, it } from "vitest";
import { boot, UsageError } from "../../../host/index.ts";
import { isWasiModule } from "../../../kernel/personality/wasi.ts";
import { readModuleShape } from "../../../kernel/shim/wasm-reader.ts";
import { I32, I64 } from "../../../kernel/shim/wasm-writer.ts";
import { type GuestImport, guestModule } from "./guest-module.ts";

const MODULE = "wasi_snapshot_preview1";
const DROP = 0x1a;
const exit: GuestImport = { module: MODULE, name: "proc_exit", parameters: [I32], results: [] };

async function run(
  imports: readonly GuestImport[],
  code: readonly number[],
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const machine = await boot(guestModule(imports, code), { log: (line) => void lines.push(line) });
  return { code: (await machine.exited).code, lines };
}

describe("the wasi_snapshot_preview1 personality", () => {
  it("is recognised from the imports", () => {
    expect(isWasiModule(readModuleShape(guestModule([exit], [])))).toBe(true);
    expect(isWasiModule(readModuleShape(guestModule([{ ...exit, module: "ringzero" }], [])))).toBe(false);
  });

  it("runs a program to its exit", async () => {
    expect(await run([exit], [0x41, 42, 0x10, 0])).toEqual({ code: 42, lines: [] });
    expect((await run([exit], [])).code).toBe(0);
  });

  it("says before the start which imports there are not, and answers ENOSYS to each, once by name", async () => {
    const unknown: GuestImport = { module: MODULE, name: "fd_frobnicate", parameters: [I32, I64], results: [I32] };
    const other: GuestImport = { module: MODULE, name: "fd_other", parameters: [], results: [I32] };
    const call = [0x41, 7, 0x42, 7, 0x10, 0];
    const { code, lines } = await run([unknown, other, exit], [...call, DROP, ...call, 0x10, 2]);
    expect(code).toBe(52); // NOSYS
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(
      `personality ${MODULE}: imports that it does not have: ${MODULE}.fd_frobnicate, ${MODULE}.fd_other`,
    );
    expect(lines[1]).toContain(`${MODULE}.fd_frobnicate: answered ENOSYS`);
  });

  it("refuses imports of other modules before the program starts, all of them by name", async () => {
    const alien = (name: string): GuestImport => ({ module: "env", name, parameters: [], results: [] });
    const module = guestModule([exit, alien("one"), alien("two")], []);
    await expect(boot(module)).rejects.toThrow(/env\.one, env\.two/);
    await expect(boot(module)).rejects.toBeInstanceOf(UsageError);
  });

  it("refuses an import of another type than the standard's", async () => {
    const wrong: GuestImport = { module: MODULE, name: "fd_seek", parameters: [I32, I32, I32, I32], results: [I32] };
    await expect(boot(guestModule([wrong], []))).rejects.toThrow(
      /fd_seek has another type than the standard's: fd_seek\(fd: i32, offset: i64, whence: i32, out: i32\): i32/,
    );
  });

  it("takes 64-bit arguments whole: nothing goes through a number that cannot hold it", async () => {
    // exit(fd_fdstat_set_rights(0, 1 << 40, 0)): NOTCAPABLE, though its lower half asks for nothing.
    const rights: GuestImport = {
      module: MODULE,
      name: "fd_fdstat_set_rights",
      parameters: [I32, I64, I64],
      results: [I32],
    };
    const leb40 = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    expect((await run([rights, exit], [0x41, 0, 0x42, ...leb40, 0x42, 0, 0x10, 0, 0x10, 1])).code).toBe(76);
    expect((await run([rights, exit], [0x41, 0, 0x42, 0, 0x42, 0, 0x10, 0, 0x10, 1])).code).toBe(0);
  });
});
