/**
 * Images: a Wasm module, the files it wants to see, and a manifest. An image is named by the project's own images (`redis`), by a
 * folder that holds `ringzero.json`, or by a lone `.wasm` file.
 *
 * Modules are compiled once per process and kept by path, size and time of change: booting the same image again costs no compile.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isLinuxModule } from "../kernel/personality/wali.ts";
import { hasThreads, isWasiModule } from "../kernel/personality/wasi.ts";
import { editThreadedModule } from "../kernel/shim/thread-edit.ts";
import { editLinuxModule } from "../kernel/shim/wasm-edit.ts";
import { type ModuleShape, readModuleShape, WasmFormatError } from "../kernel/shim/wasm-reader.ts";
import { loadWasiJs } from "../kernel/syscall/wasi/wasi-js.ts";
import { addUnwinding, needsUnwinding } from "./instrument.ts";
import type { BootOptions } from "./options.ts";
import { UsageError } from "./usage-error.ts";

/** `ringzero.json` beside a guest. */
export interface Manifest {
  readonly name: string;
  /** The module, relative to the manifest; the project's own images leave it out: guests/build/NAME.wasm. */
  readonly module?: string;
  readonly personality?: string;
  readonly style?: "callback" | "thread";
  readonly description?: string;
  /** Guest ports that the image serves: what `ready` waits for when they are published. */
  readonly ports?: readonly number[];
  /** Arguments put before the user's. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default of --memory. */
  readonly memory?: string;
  /** A folder of files, relative to the manifest, that the guest finds in its root file system. */
  readonly files?: string;
  /** True if the guest knows that its keys may be spread over several machines (`boot(…, { shards })`). */
  readonly shards?: boolean;
  /** Directories of the machine that a WASI program is given, by the name it knows them by: BootOptions.preopens. */
  readonly preopens?: Readonly<Record<string, string>>;
  /** BootOptions.wasi. */
  readonly wasi?: BootOptions["wasi"];
}

export interface Image {
  readonly manifest: Manifest;
  readonly module: WebAssembly.Module;
  readonly shape: ModuleShape;
  /** Where the manifest's `files` lie on the host, or null. */
  readonly filesFolder: string | null;
}

const GUESTS = join(dirname(fileURLToPath(import.meta.url)), "..", "guests");
const compiled = new Map<string, { key: string; image: Promise<Pick<Image, "module" | "shape">> }>();

/** Folders of the project's own images, and the command that builds them. */
const SHIPPED = [
  { folder: GUESTS, command: "npm run guests" },
  { folder: join(GUESTS, "ports"), command: "npm run guests:linux" },
] as const;

/** The names of the images that the project ships. */
export function shippedImages(): string[] {
  return SHIPPED.filter(({ folder }) => existsSync(folder))
    .flatMap(({ folder }) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "ringzero.json")))
        .map((entry) => entry.name),
    )
    .sort();
}

/** An image by name, folder or file (see above), or the bytes of a module. */
export type ImageSource = string | Uint8Array<ArrayBuffer>;

const toStderr = (line: string): void => void process.stderr.write(`ringzero: ${line}\n`);

/** Finds and compiles an image, saying in `log` what takes seconds; throws UsageError with one line that says what is missing. */
export async function loadImage(source: ImageSource, log: (line: string) => void = toStderr): Promise<Image> {
  if (typeof source !== "string") {
    return { manifest: { name: "module" }, ...(await compileBytes(source, "the module", log)), filesFolder: null };
  }
  const name = source;
  const { manifest, modulePath, folder } = locate(name);
  const filesFolder = manifest.files ? join(folder, manifest.files) : null;
  if (filesFolder && !existsSync(filesFolder))
    throw new UsageError(`image ${name}: its files folder ${filesFolder} does not exist`);
  return { manifest, ...(await compile(modulePath, name, log)), filesFolder };
}

function locate(name: string): { manifest: Manifest; modulePath: string; folder: string } {
  const shipped = /^[a-z0-9][a-z0-9._-]*$/i.test(name)
    ? SHIPPED.find(({ folder }) => existsSync(join(folder, name, "ringzero.json")))
    : undefined;
  if (shipped) {
    const folder = join(shipped.folder, name);
    const modulePath = join(GUESTS, "build", `${name}.wasm`);
    if (!existsSync(modulePath)) throw new UsageError(`image ${name} is not built yet: run \`${shipped.command}\``);
    return { manifest: readManifest(join(folder, "ringzero.json")), modulePath, folder };
  }
  const path = resolve(name);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    throw new UsageError(
      `no image "${name}": the shipped ones are ${shippedImages().join(", ")}; or give a folder or a .wasm file`,
    );
  if (!stat.isDirectory())
    return { manifest: { name: basename(path, ".wasm") }, modulePath: path, folder: dirname(path) };
  if (!existsSync(join(path, "ringzero.json"))) throw new UsageError(`${name}: the folder holds no ringzero.json`);
  const manifest = readManifest(join(path, "ringzero.json"));
  const modulePath = join(path, manifest.module ?? `${manifest.name}.wasm`);
  if (!existsSync(modulePath)) throw new UsageError(`image ${name}: its module ${modulePath} does not exist`);
  return { manifest, modulePath, folder: path };
}

function readManifest(path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || typeof (value as Manifest).name !== "string") {
    throw new UsageError(`${path}: a manifest needs at least {"name": "..."}`);
  }
  return value as Manifest;
}

function compile(path: string, name: string, log: (line: string) => void): Promise<Pick<Image, "module" | "shape">> {
  const { mtimeMs, size } = statSync(path);
  const key = `${mtimeMs} ${size}`;
  const known = compiled.get(path);
  if (known?.key === key) return known.image;
  const image = compileBytes(readFileSync(path), name, log);
  compiled.set(path, { key, image });
  image.catch(() => compiled.delete(path));
  return image;
}

async function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  log: (line: string) => void,
): Promise<Pick<Image, "module" | "shape">> {
  try {
    const shape = readModuleShape(bytes);
    if (isWasiModule(shape)) await loadWasiJs();
    if (isWasiModule(shape) && hasThreads(shape)) {
      const edited = editThreadedModule(bytes);
      return { shape: readModuleShape(edited), module: await WebAssembly.compile(edited) };
    }
    if (!isLinuxModule(shape)) return { shape, module: await WebAssembly.compile(bytes) };
    const edited = editLinuxModule(needsUnwinding(shape) ? await addUnwinding(bytes, name, log) : bytes);
    return { shape: readModuleShape(edited), module: await WebAssembly.compile(edited) };
  } catch (error) {
    if (error instanceof WasmFormatError || error instanceof WebAssembly.CompileError) {
      throw new UsageError(`${name}: ${error.message}`);
    }
    throw error;
  }
}
