/**
 * `boot`: an image becomes a running machine.
 */
import { type Image, type ImageSource, loadImage } from "./image.ts";
import { Machine } from "./machine.ts";
import type { BootOptions, ShardedBootOptions } from "./options.ts";
import type { ShardedMachine } from "./shards/sharded-machine.ts";

/**
 * Boots `image` (a shipped one by name, a folder with `ringzero.json`, a `.wasm` file, or the bytes of a module) and settles once the guest listens on every
 * published port; at once if none is published.
 *
 * Rejects with UsageError for what the caller can mend (no such image, a bad option, a port in use), with Error if the guest ends before
 * it listens. The process stays alive as long as the machine does: call `machine.stop()`.
 *
 * With `shards` it boots so many machines of the image, each in a thread of its own, which serve one part of the keys each (host/README.md).
 */
export async function boot(image: ImageSource, options: ShardedBootOptions): Promise<ShardedMachine>;
export async function boot(image: ImageSource, options?: BootOptions): Promise<Machine>;
export async function boot(
  image: ImageSource,
  options: BootOptions | ShardedBootOptions = {},
): Promise<Machine | ShardedMachine> {
  const loaded = await loadImage(image, options.log);
  const machine = "shards" in options ? await sharded(loaded, options) : new Machine(loaded, options);
  await machine.start();
  return machine;
}

/** Loaded when it is wanted: a machine of one thread starts without. */
export async function sharded(image: Image, options: ShardedBootOptions): Promise<ShardedMachine> {
  const { ShardedMachine } = await import("./shards/sharded-machine.ts");
  return new ShardedMachine(image, options);
}
