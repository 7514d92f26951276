/**
 * The kernel's own buffer for calls that move bytes from file to file (sendfile(2), copy_file_range(2), splice(2)) and for what the kernel reads
 * for itself: a process like the caller's, whose memory is that buffer. One for each machine; nothing in it survives the call.
 */
import type { MachineKernel } from "../../machine-kernel.ts";
import { GuestMemory } from "../../mem/guest-memory.ts";
import type { Process } from "../../process/process.ts";

/** Less than any file parks a transfer for. */
export const BOUNCE_BYTES = 65536;

const buffers = new WeakMap<MachineKernel, GuestMemory>();

/** `k`, with the buffer in place of its memory: addresses 0 to BOUNCE_BYTES. */
export function withBounceBuffer(k: Process): Process {
  let mem = buffers.get(k.machine);
  if (!mem) {
    mem = new GuestMemory(new WebAssembly.Memory({ initial: BOUNCE_BYTES / 65536, maximum: BOUNCE_BYTES / 65536 }));
    k.physical.attach(mem);
    buffers.set(k.machine, mem);
  }
  return Object.create(k, { mem: { value: mem } });
}
