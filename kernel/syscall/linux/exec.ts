/**
 * execve(2) of a WebAssembly module that lies in the file system, or of a script whose interpreter is one.
 */
import { E2BIG, EACCES, EFAULT, ELOOP, ENOEXEC } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import { fromBytes, toText } from "../../fs/byte-string.ts";
import { execute } from "../../process/execution.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { readWholeFile } from "./file-contents.ts";
import { pathAt, stringAt } from "./path-argument.ts";
import { linuxRow } from "./row.ts";

/** MAX_ARG_STRLEN; and a quarter of the stack's limit, for all strings and their pointers. */
const ARGUMENT_BYTES_MAX = 131072;
const ARGUMENTS_BYTES_MAX = 2 * 1024 * 1024;
const POINTER_BYTES = 4;
/** A script may be run by a script, this often. */
const SCRIPTS_MAX = 4;
/** BINPRM_BUF_SIZE: a script's first line ends within so many bytes. */
const SCRIPT_LINE_BYTES_MAX = 256;
/** A header of a module. */
const PROGRAM_BYTES_MIN = 8;

/** execve(2). */
export function sys_execve(k: Process, pathname: number, argv: number, envp: number): number {
  if (k.mem.isPinned) return k.block(k.mem.unpinned); // a device works for another thread
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const room = { left: ARGUMENTS_BYTES_MAX };
  const args = stringsAt(k, argv >>> 0, room);
  if (typeof args === "number") return args;
  const env = stringsAt(k, envp >>> 0, room);
  if (typeof env === "number") return env;
  return run(k, path, args.length === 0 ? [""] : args, env);
}

function run(k: Process, path: string, args: readonly string[], env: readonly string[]): number {
  let program = path;
  let given = args;
  for (let scripts = 0; ; scripts++) {
    const bytes = readProgram(k, program);
    if (typeof bytes === "number") return bytes;
    const interpreter = interpreterOf(bytes);
    if (interpreter === null) {
      const { linux } = k;
      const before = linux.executable;
      linux.executable = absolute(k, program);
      const result = execute(k, bytes, toText(path).split("/").at(-1) ?? "", given, env);
      linux.executable = before; // it has come back: nothing has been executed
      return result;
    }
    if (scripts === SCRIPTS_MAX) return -ELOOP;
    given = [...interpreter.map(toText), toText(program), ...given.slice(1)];
    program = interpreter[0];
  }
}

/** What /proc/PID/exe shows. */
function absolute(k: Process, path: string): string {
  const cwd = path.startsWith("/") ? "" : k.vfs.getcwd(k);
  return cwd === "" || typeof cwd === "number" ? path : `${cwd === "/" ? "" : cwd}/${path}`;
}

function readProgram(k: Process, path: string): Uint8Array<ArrayBuffer> | number {
  const place = k.vfs.resolve(k, AT_FDCWD, path, true);
  if (typeof place === "number") return place;
  const stat = emptyStat();
  const failed = place.inode.stat(k, stat);
  if (failed < 0) return failed;
  if (place.inode.kind !== "regular" || (stat.mode & 0o111) === 0) return -EACCES;
  const bytes = readWholeFile(k, path);
  return typeof bytes !== "number" && bytes.length < PROGRAM_BYTES_MIN ? -ENOEXEC : bytes;
}

/** `#! interpreter argument`: the one or two words; null for what is no script. */
function interpreterOf(bytes: Uint8Array): [string, ...string[]] | null {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return null;
  const start = fromBytes(bytes.subarray(2, SCRIPT_LINE_BYTES_MAX));
  const line = start.split("\n", 1)[0] as string;
  const [, interpreter, argument] = /^[ \t]*([^ \t]+)[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (!interpreter) return null;
  return argument ? [interpreter, argument] : [interpreter];
}

/** A NULL-terminated array of strings, which may take what is left of `room`; a null pointer is an empty one. */
function stringsAt(k: Process, array: number, room: { left: number }): string[] | number {
  const strings: string[] = [];
  for (let at = array; at !== 0; at += POINTER_BYTES) {
    if (!k.mem.has(at, POINTER_BYTES)) return -EFAULT;
    const ptr = k.mem.getU32(at);
    if (ptr === 0) break;
    const text = stringAt(k, ptr, ARGUMENT_BYTES_MAX, E2BIG);
    if (typeof text === "number") return text;
    room.left -= text.length + 1 + POINTER_BYTES;
    if (room.left < 0) return -E2BIG;
    strings.push(toText(text));
  }
  return strings;
}

export const EXEC_ROWS: readonly Row[] = [
  linuxRow(59, "execve", "pathname:path argv:ptr envp:ptr", sys_execve, {
    blocks: true,
    note: "the file is a WebAssembly module, or a script with one as interpreter",
  }),
];
