/**
 * The `wasi_snapshot_preview1` personality: what compilers of Rust, Go, Zig, C, Swift, AssemblyScript and others emit for WASI. Import module
 * `wasi_snapshot_preview1`, functions named as the rows of the WASI table, with the standard's types; `wasi.thread-spawn` for programs with threads.
 *
 * The program gets what it was given and nothing else: descriptors 0 to 2, from 3 on a listening socket for each published port, then the
 * preopened directories. Every path stays beneath one of those (FsContext.confinement).
 */
import { ENOSYS, errnoMessage } from "../abi/errno.ts";
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from "../abi/fcntl.ts";
import { AF_INET, SOCK_STREAM } from "../abi/socket.ts";
import {
  RIGHT_FD_READ,
  RIGHT_FD_WRITE,
  RIGHTS_ALL,
  RIGHTS_DIRECTORY,
  RIGHTS_LISTENER,
  RIGHTS_STREAM,
  wasiErrno,
} from "../abi/wasi.ts";
import { toByteString } from "../fs/byte-string.ts";
import { anyAddress } from "../net/address.ts";
import { StreamSocket } from "../net/stream-socket.ts";
import type { Process } from "../process/process.ts";
import { type WasiDialect, WasiState } from "../process/wasi-state.ts";
import type { ContinuationEngine, GuestFunction } from "../sched/continuation.ts";
import { generateShim, retryName, SHIM_IMPORTS, type ShimFunction, type ShimValueType } from "../shim/shim.ts";
import { EXPORTED_START, EXPORTED_WAITS, WAITS } from "../shim/thread-edit.ts";
import type { FunctionImport, ModuleShape } from "../shim/wasm-reader.ts";
import { I32, I64 } from "../shim/wasm-writer.ts";
import { bindHandler, bindRetry, unknownCall } from "../syscall/dispatch.ts";
import { sys_exit_group } from "../syscall/process.ts";
import { bindWasiRetry, bindWasiTry } from "../syscall/wasi/dispatch.ts";
import { type WasiProcess, type WasiRow, wireType } from "../syscall/wasi/row.ts";
import { WASI_ROWS, WASI_TABLE } from "../syscall/wasi/table.ts";
import { bindThreadSpawn, THREAD_SPAWN, WAIT_ROWS } from "../syscall/wasi/thread.ts";
import { WasiJs } from "../syscall/wasi/wasi-js.ts";
import { bindAbort, LinkError, reportUnknown } from "./native.ts";

export const WASI_MODULE = "wasi_snapshot_preview1";
/** The module of `thread-spawn` (WebAssembly/wasi-threads). */
const THREADS_MODULE = "wasi";
const BACKLOG = 128;

/** What a program is given besides the three standard descriptors. */
export interface WasiGrants {
  /** Directories of the machine, and the names by which the program knows them. */
  readonly preopens: readonly { readonly path: string; readonly name: string }[];
  /** Guest ports, one listening socket each. */
  readonly ports: readonly number[];
  readonly dialect: WasiDialect;
}

/** True for a module that wants this personality. */
export function isWasiModule(shape: ModuleShape): boolean {
  return shape.functions.some(({ module }) => module === WASI_MODULE);
}

/** True for a program that starts threads: its module has to be edited before it is compiled (thread-edit.ts). */
export function hasThreads(shape: ModuleShape): boolean {
  return shape.functions.some(({ module, name }) => module === THREADS_MODULE && name === THREAD_SPAWN);
}

/** The shim depends on the module's imports alone: machines of one program share it. */
const shims = new WeakMap<ModuleShape, WebAssembly.Module>();

/** The imports of a program, its memory excepted. Throws LinkError for what nobody provides. */
export function bindWasi(
  process: Process,
  module: WebAssembly.Module,
  shape: ModuleShape,
  engine: ContinuationEngine,
  grants: WasiGrants,
): WebAssembly.Imports {
  const foreign = shape.functions.filter((wanted) => !isProvided(wanted)).map(fullName);
  if (foreign.length > 0) {
    throw new LinkError(
      `the module imports ${foreign.join(", ")}: the personality "${WASI_MODULE}" provides the modules "${WASI_MODULE}" and "${THREADS_MODULE}" only`,
    );
  }
  const k = admit(process, grants);
  giveDescriptors(k, grants);
  const wasi: Record<string, WebAssembly.ImportValue> = {};
  const imports: WebAssembly.Imports = { [WASI_MODULE]: wasi };
  const tries: Record<string, WebAssembly.ImportValue> = { park: engine.park };
  const unknown: string[] = [];
  for (const wanted of shape.functions) {
    const { name } = wanted;
    if (wanted.module === THREADS_MODULE) {
      imports[THREADS_MODULE] = { [THREAD_SPAWN]: bindThreadSpawn(k) };
      continue;
    }
    if (wanted.module === "env") {
      imports.env = { abort: bindAbort(process) };
      continue;
    }
    const row = WASI_ROWS.get(name);
    if (!row) {
      unknown.push(fullName(wanted));
      wasi[name] = unknownCall(process, WASI_MODULE, name, wanted.type, wasiErrno(-ENOSYS));
      continue;
    }
    if (!hasType(row, wanted)) {
      throw new LinkError(`import ${fullName(wanted)} has another type than the standard's: ${signatureOf(row)}`);
    }
    tries[name] = bindWasiTry(k, row);
    tries[retryName(name)] = bindWasiRetry(k, row);
  }
  reportUnknown(process, WASI_MODULE, unknown);
  if (hasThreads(shape)) {
    for (const row of WAIT_ROWS) {
      tries[row.name] = bindHandler(k, row);
      tries[retryName(row.name)] = bindRetry(k, row);
    }
  }
  const shim = new WebAssembly.Instance(shimOf(shape), { [SHIM_IMPORTS]: tries });
  for (const row of WASI_TABLE) {
    const call = shim.exports[row.name];
    if (call) wasi[row.name] = call;
  }
  k.wasi.prepare = (exports) => prepareInstance(exports, shim.exports);
  k.wasi.newThread = () => {
    const { exports } = new WebAssembly.Instance(module, imports);
    k.wasi.prepare(exports);
    const { wasi_thread_start: start } = exports;
    return typeof start === "function" ? (start as GuestFunction) : null;
  };
  return imports;
}

/** Gives a new instance of a program with threads what its waiting and waking instructions call, and runs its start function (thread-edit.ts). */
function prepareInstance(exports: WebAssembly.Exports, shim: WebAssembly.Exports): void {
  const table = exports[EXPORTED_WAITS];
  if (!(table instanceof WebAssembly.Table)) return;
  WAITS.forEach((name, index) => void table.set(index, shim[name]));
  const start = exports[EXPORTED_START];
  if (typeof start === "function") start();
}

function isProvided({ module, name }: FunctionImport): boolean {
  return (
    module === WASI_MODULE ||
    (module === THREADS_MODULE && name === THREAD_SPAWN) ||
    (module === "env" && name === "abort")
  );
}

function fullName({ module, name }: FunctionImport): string {
  return `${module}.${name}`;
}

/** The process becomes one of this personality. Whoever goes by LISTEN_FDS is told of the sockets so. */
function admit(process: Process, { ports, dialect }: WasiGrants): WasiProcess {
  if (ports.length > 0) {
    const env = process.boot.env.filter((entry) => !/^LISTEN_FD(S|NAMES)=/.test(entry));
    process.boot = {
      ...process.boot,
      env: [...env, `LISTEN_FDS=${ports.length}`, `LISTEN_FDNAMES=${ports.join(":")}`],
    };
  }
  const { mem, boot } = process;
  process.wasi = new WasiState(
    new WasiJs({
      mem,
      boot,
      monotonicMs: () => process.clock.monotonicMs(),
      fill: (ptr, length) => void process.entropy.fill(mem.base + ptr, length),
      exit: (status) => sys_exit_group(process, status),
    }),
    dialect,
  );
  return process as WasiProcess;
}

/**
 * Sockets before directories: that is where wasmtime puts them, and where a program finds them that goes by LISTEN_FDS, whose first one is
 * descriptor 3 (sd_listen_fds(3)).
 */
function giveDescriptors(k: WasiProcess, { preopens, ports, dialect }: WasiGrants): void {
  const { wasi, fds } = k;
  wasi.grant(0, RIGHTS_STREAM & ~RIGHT_FD_WRITE, 0);
  wasi.grant(1, RIGHTS_STREAM & ~RIGHT_FD_READ, 0);
  wasi.grant(2, RIGHTS_STREAM & ~RIGHT_FD_READ, 0);
  for (const port of ports) {
    const socket = new StreamSocket(k.net, AF_INET, 0, SOCK_STREAM);
    const fd = fds.open(socket);
    const bound = k.net.bind(k, socket, anyAddress(AF_INET, port));
    const listens = bound < 0 ? bound : socket.listen(k, BACKLOG);
    if (listens < 0) throw new LinkError(`port ${port}: ${errnoMessage(listens)}`);
    wasi.grant(fd, RIGHTS_LISTENER, 0);
    wasi.preopens.set(fd, { type: "socket", name: "" });
  }
  for (const { path, name } of preopens) {
    const file = k.vfs.open(k, AT_FDCWD, toByteString(path), O_RDONLY | O_DIRECTORY, 0);
    if (typeof file === "number") throw new LinkError(`preopen ${path}: ${errnoMessage(file)}`);
    const fd = fds.open(file);
    wasi.grant(fd, RIGHTS_DIRECTORY, RIGHTS_ALL);
    wasi.preopens.set(fd, { type: "directory", name: toByteString(name) });
  }
  // The paths up to here were the user's, from now on they are the program's.
  k.fs.confinement = dialect === "node" ? "beneath, as node:wasi" : "beneath";
}

function shimOf(shape: ModuleShape): WebAssembly.Module {
  let shim = shims.get(shape);
  if (!shim) {
    const functions = new Map<string, ShimFunction>();
    for (const { module, name, type } of shape.functions) {
      const row = module === WASI_MODULE ? WASI_ROWS.get(name) : undefined;
      if (row) functions.set(name, shimFunction(row, type.results.length > 0));
    }
    if (hasThreads(shape)) for (const row of WAIT_ROWS) functions.set(row.name, shimFunction(row, true));
    shim = new WebAssembly.Module(generateShim([...functions.values()]));
    shims.set(shape, shim);
  }
  return shim;
}

function shimFunction(row: WasiRow, returns: boolean): ShimFunction {
  return {
    name: row.name,
    parameters: row.parameters.map((argument): ShimValueType => (wireType(argument) === I64 ? "i64" : "i32")),
    result: returns ? "i32" : "void",
    handler: {
      parameters: row.parameters.map(({ kind }) => (kind === "u64" ? "halves" : kind === "f64" ? "f64" : "i32")),
      result: "i32",
    },
  };
}

/** proc_exit returns nothing, everything else an errno. */
function hasType(row: WasiRow, { type: { parameters, results } }: FunctionImport): boolean {
  return (
    parameters.length === row.parameters.length &&
    row.parameters.every((argument, index) => parameters[index] === wireType(argument)) &&
    (row.name === "proc_exit" ? results.length === 0 : results.length === 1 && results[0] === I32)
  );
}

function signatureOf(row: WasiRow): string {
  const parameters = row.parameters.map(
    (argument) => `${argument.name}: ${wireType(argument) === I64 ? "i64" : "i32"}`,
  );
  return `${row.name}(${parameters.join(", ")})${row.name === "proc_exit" ? "" : ": i32"}`;
}
