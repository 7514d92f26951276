/**
 * A WASI program that only passes calls on: it imports all 46 functions and exports them under the same names, so that a test can make any call with
 * any argument, through the shim. Its `_start` waits for a clock that never comes. 64-bit arguments are BigInt, as the JavaScript API has them.
 *
 * A call made by a test is nobody's thread: one that would block answers DEADLK.
 */
import { boot, type Machine } from "../../../../host/index.ts";
import type { BootOptions } from "../../../../host/options.ts";
import { wasiErrnoName } from "../../../../kernel/abi/wasi.ts";
import { I32, I64, WasmWriter } from "../../../../kernel/shim/wasm-writer.ts";
import { wireType } from "../../../../kernel/syscall/wasi/row.ts";
import { WASI_TABLE } from "../../../../kernel/syscall/wasi/table.ts";

export const MEMORY_BYTES = 4 * 65536;
/** `_start`'s subscription, event and count. */
const SUBSCRIPTION = 256;
const EVENT = 512;
/** Where `path` puts texts, `open` its descriptor, and what tests may use. */
const TEXTS = 1024;
const OPENED = 4096;
export const OUT = 8192;
export const BUFFER = 65536;

export const RIGHTS_ALL = 0x3fffffffn;

type WasiArgument = number | bigint;

export function wasiModule(): Uint8Array<ArrayBuffer> {
  const count = WASI_TABLE.length;
  const types = new WasmWriter().u32(count + 1);
  const imports = new WasmWriter().u32(count);
  const exports = new WasmWriter().u32(count + 2);
  WASI_TABLE.forEach((row, index) => {
    types.byte(0x60).u32(row.parameters.length);
    for (const argument of row.parameters) types.byte(wireType(argument) === I64 ? I64 : I32);
    if (row.name === "proc_exit") types.u32(0);
    else types.u32(1).byte(I32);
    imports.name("wasi_snapshot_preview1").name(row.name).byte(0).u32(index);
    exports.name(row.name).byte(0).u32(index);
  });
  types.byte(0x60, 0, 0);
  exports.name("_start").byte(0).u32(count).name("memory").byte(2, 0);
  const poll = WASI_TABLE.findIndex(({ name }) => name === "poll_oneoff");
  const start = new WasmWriter().u32(0);
  start
    .byte(0x41)
    .s32(SUBSCRIPTION + 30)
    .byte(0x41, 16, 0x3a, 0, 0); // i32.store8: the timeout's upper bytes
  start
    .byte(0x41)
    .s32(SUBSCRIPTION)
    .byte(0x41)
    .s32(EVENT)
    .byte(0x41, 1, 0x41)
    .s32(EVENT + 32);
  start.byte(0x10).u32(poll).byte(0x1a, 0x0b);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, types)
    .section(2, imports)
    .section(3, new WasmWriter().u32(1).u32(count))
    .section(
      5,
      new WasmWriter()
        .u32(1)
        .byte(0)
        .u32(MEMORY_BYTES / 65536),
    )
    .section(7, exports)
    .section(10, new WasmWriter().u32(1).sized(start))
    .toUint8Array();
}

export class WasiGuest {
  readonly machine: Machine;
  readonly lines: string[] = [];
  readonly #calls: Record<string, (...args: WasiArgument[]) => number>;

  private constructor(machine: Machine, lines: string[]) {
    this.machine = machine;
    this.lines = lines;
    this.#calls = machine.exports as unknown as Record<string, (...args: WasiArgument[]) => number>;
  }

  static async boot(options: BootOptions = {}): Promise<WasiGuest> {
    const lines: string[] = [];
    return new WasiGuest(
      await boot(wasiModule(), { name: "guest", log: (line) => void lines.push(line), ...options }),
      lines,
    );
  }

  get memory(): DataView {
    return new DataView((this.machine.exports.memory as WebAssembly.Memory).buffer);
  }

  get bytes(): Uint8Array {
    return new Uint8Array((this.machine.exports.memory as WebAssembly.Memory).buffer);
  }

  /** Makes a call: the name of what it answers, "SUCCESS" or an errno of the standard. */
  call(name: string, ...args: WasiArgument[]): string {
    const call = this.#calls[name];
    if (!call) throw new Error(`no call ${name}`);
    return wasiErrnoName(call(...args));
  }

  /** Address and length of a text, which stays there until the next but one call of this. */
  path(text: string | Uint8Array, slot = 0): [ptr: number, length: number] {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const at = TEXTS + slot * 1024;
    this.bytes.set(bytes, at);
    return [at, bytes.length];
  }

  /** path_open: the descriptor, or the name of the errno. */
  open(
    directory: number,
    path: string,
    {
      lookup = 0,
      oflags = 0,
      base = RIGHTS_ALL,
      inheriting = RIGHTS_ALL,
      fdflags = 0,
    }: { lookup?: number; oflags?: number; base?: bigint; inheriting?: bigint; fdflags?: number } = {},
  ): number | string {
    const told = this.call(
      "path_open",
      directory,
      lookup,
      ...this.path(path),
      oflags,
      base,
      inheriting,
      fdflags,
      OPENED,
    );
    return told === "SUCCESS" ? this.memory.getUint32(OPENED, true) : told;
  }

  /** An iovec of one piece, at OUT. */
  vector(ptr: number, length: number): [iovs: number, count: number] {
    this.memory.setUint32(OUT, ptr, true);
    this.memory.setUint32(OUT + 4, length, true);
    return [OUT, 1];
  }

  /** fd_write of a text: how many bytes, or the name of the errno. */
  write(fd: number, text: string): number | string {
    const bytes = new TextEncoder().encode(text);
    this.bytes.set(bytes, BUFFER);
    const told = this.call("fd_write", fd, ...this.vector(BUFFER, bytes.length), OUT + 16);
    return told === "SUCCESS" ? this.memory.getUint32(OUT + 16, true) : told;
  }

  /** fd_read of at most `length` bytes: a text, or the name of the errno in angle brackets. */
  read(fd: number, length = 4096): string {
    const told = this.call("fd_read", fd, ...this.vector(BUFFER, length), OUT + 16);
    return told === "SUCCESS" ? this.text(BUFFER, this.memory.getUint32(OUT + 16, true)) : `<${told}>`;
  }

  text(ptr: number, length: number): string {
    return new TextDecoder().decode(this.bytes.slice(ptr, ptr + length));
  }

  async end(): Promise<void> {
    this.machine.kill();
    await this.machine.exited;
  }
}
