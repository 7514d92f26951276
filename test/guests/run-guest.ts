/**
 * Runs a guest to its end and collects what it printed. For guests that end by themselves.
 */
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type BootOptions, boot } from "../../host/index.ts";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A guest that is no shipped image: the path of its module. */
export function guestModule(name: string): string {
  return fileURLToPath(new URL(`../../guests/build/${name}.wasm`, import.meta.url));
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function runGuest(image: string, options: BootOptions = {}): Promise<Ended> {
  const machine = await boot(image, options);
  const [stdout, stderr, status] = await Promise.all([
    bytesOf(machine.stdout),
    bytesOf(machine.stderr),
    machine.exited,
  ]);
  return { code: status.code, stdout: stdout.toString(), stderr: stderr.toString() };
}
