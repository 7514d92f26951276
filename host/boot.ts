/**
 * `boot`: an image becomes a running machine.
 */
import { type ImageSource, loadImage } from "./image.ts";
import { Machine } from "./machine.ts";
import type { BootOptions } from "./options.ts";

/**
 * Boots `image` (a shipped one by name, a folder with `ringzero.json`, a `.wasm` file, or the bytes of a module) and settles once the guest listens on every
 * published port; at once if none is published.
 *
 * Rejects with UsageError for what the caller can mend (no such image, a bad option, a port in use), with Error if the guest ends before
 * it listens. The process stays alive as long as the machine does: call `machine.stop()`.
 */
export async function boot(image: ImageSource, options: BootOptions = {}): Promise<Machine> {
  const machine = new Machine(await loadImage(image, options.log), options);
  await machine.start();
  return machine;
}
