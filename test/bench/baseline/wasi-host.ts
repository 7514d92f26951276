/**
 * Runs a WASI program on somebody else's implementation: node:wasi, or plain wasi-js with the bindings that it brings along.
 *
 *   node wasi-host.ts node|wasi-js|wasi-js-memory MODULE FOLDER ARGS…      the program has FOLDER as descriptor 3
 *
 * "wasi-js-memory": an empty folder of wasi-js' own memory file system instead.
 */
import fs, { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { WASI } from "node:wasi";

/** What is used of wasi-js: it has no types for it that fit. */
interface WasiJs {
  start(instance: WebAssembly.Instance): void;
  readonly wasiImport: WebAssembly.ModuleImports;
}
type WasiJsClass = new (config: object) => WasiJs;

const [host, path, folder, ...args] = process.argv.slice(2) as [string, string, string, ...string[]];
const module = new WebAssembly.Module(readFileSync(path));

function wasiJs(memory: boolean): WasiJs {
  const require = createRequire(import.meta.url);
  const { default: PlainWasiJs, createFileSystem } = require("wasi-js") as {
    default: WasiJsClass;
    createFileSystem: (specs: object[]) => typeof fs;
  };
  const bindings = (require("wasi-js/dist/bindings/node") as { default: object }).default;
  if (!memory) return new PlainWasiJs({ bindings, args: ["bench", ...args], preopens: { "/": folder } });
  const own = createFileSystem([{ type: "mem" }]);
  own.mkdirSync("/memory");
  // Its descriptors begin at 0: those are the host's.
  const writeSync = (fd: number, ...rest: [NodeJS.ArrayBufferView]): number =>
    fd <= 2 ? fs.writeSync(fd, ...rest) : own.writeSync(fd, ...rest);
  const mine = { ...own, writeSync };
  for (let fd = -1; fd <= 2; ) fd = own.openSync("/memory", "r");
  return new PlainWasiJs({
    bindings: { ...bindings, fs: mine },
    args: ["bench", ...args],
    preopens: { "/": "/memory" },
  });
}

if (host === "node") {
  const wasi = new WASI({ version: "preview1", args: ["bench", ...args], preopens: { "/": folder } });
  wasi.start(new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports));
} else {
  const wasi = wasiJs(host === "wasi-js-memory");
  wasi.start(new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi.wasiImport }));
}
