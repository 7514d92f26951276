/**
 * The functions of WALI that are no system calls: start and end of the program, arguments, environment, threads, jumps.
 */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { longjmpCall, setjmpCall } from "../../process/engine-setjmp.ts";
import { environmentFile } from "../../process/execution.ts";
import type { Process } from "../../process/process.ts";
import { GuestTrap } from "../guest-exit.ts";
import { sys_exit_group } from "../process.ts";
import type { Row } from "../row.ts";
import { linuxRow } from "./row.ts";
import { wali_thread_spawn } from "./thread.ts";

const encoder = new TextEncoder();

function wali_init(_k: Process): number {
  return 0;
}

/** The number of arguments, argv[0] included. */
function wali_cl_get_argc(k: Process): number {
  return k.boot.args.length;
}

/** Bytes of an argument, without its NUL. */
function wali_cl_get_argv_len(k: Process, index: number): number {
  const argument = k.boot.args[index];
  return argument === undefined ? -EINVAL : encoder.encode(argument).length;
}

/** Copies an argument and a NUL: 0, or a negated errno. */
function wali_cl_copy_argv(k: Process, buf: number, index: number): number {
  const argument = k.boot.args[index];
  return argument === undefined ? -EINVAL : copyString(k, buf >>> 0, argument);
}

/** The path of a file with the environment, one NAME=VALUE a line. 1, or 0 if it does not fit into `size` bytes. */
function wali_get_init_envfile(k: Process, buf: number, size: number): number {
  const path = environmentFile(k);
  if (path.length + 1 > size >>> 0) return 0;
  return copyString(k, buf >>> 0, path) === 0 ? 1 : 0;
}

function wali_setjmp(k: Process, env: number): number {
  return setjmpCall(k, env >>> 0, false);
}

function wali_sigsetjmp(k: Process, env: number, savesigs: number): number {
  return setjmpCall(k, env >>> 0, savesigs !== 0);
}

function wali_longjmp(k: Process, env: number, val: number): never {
  const jump = longjmpCall(k, env >>> 0, val);
  throw typeof jump === "string" ? new GuestTrap(jump) : jump;
}

function copyString(k: Process, ptr: number, text: string): number {
  const bytes = encoder.encode(text);
  if (!k.mem.has(ptr, bytes.length + 1)) return -EFAULT;
  k.mem.u8.set(bytes, ptr);
  k.mem.u8[ptr + bytes.length] = 0;
  return 0;
}

/** By the name of the import. Numbers have no meaning: these are not system calls. */
export const AUXILIARY_TABLE: readonly Row[] = [
  linuxRow(0, "__init", "", wali_init),
  linuxRow(0, "__deinit", "", wali_init),
  linuxRow(0, "__proc_exit", "status:i32", sys_exit_group, { result: "void" }),
  linuxRow(0, "__cl_get_argc", "", wali_cl_get_argc),
  linuxRow(0, "__cl_get_argv_len", "index:i32", wali_cl_get_argv_len),
  linuxRow(0, "__cl_copy_argv", "buf:ptr index:i32", wali_cl_copy_argv),
  linuxRow(0, "__get_init_envfile", "buf:ptr size:i32", wali_get_init_envfile),
  linuxRow(0, "setjmp", "env:ptr", wali_setjmp, { unwinds: true }),
  linuxRow(0, "sigsetjmp", "env:ptr savesigs:i32", wali_sigsetjmp, { unwinds: true }),
  linuxRow(0, "longjmp", "env:ptr val:i32", wali_longjmp, { result: "void" }),
  linuxRow(0, "__wasm_thread_spawn", "fn:i32 arg:i32", wali_thread_spawn),
];
