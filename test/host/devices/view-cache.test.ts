import { expect, it } from "vitest";
import { ViewCache } from "../../../host/devices/view-cache.ts";
import { Chain } from "../../../host/queue/chain.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { PhysicalMemory } from "../../../kernel/mem/physical.ts";
import { randomFor } from "../../random.ts";

it("shows the bytes asked for, also of memory that has grown, and the same again without a new object", () => {
  const random = randomFor("views");
  const guest = new GuestMemory(new WebAssembly.Memory({ initial: 2 }));
  const memory = new PhysicalMemory(guest, 65536);
  const views = new ViewCache(memory);
  const chain = new Chain(memory, new DataView(memory.kernelBytes.buffer), 0);
  const kernel = memory.allocate(4096);
  const of = (address: number, length: number): Buffer => {
    chain.clear();
    chain.add(address, length, false);
    return views.of(chain, 0);
  };
  for (let step = 0; step < 20_000; step++) {
    if (random.oneIn(2000)) guest.memory.grow(1);
    const address = random.oneIn(4) ? kernel + random.below(2000) : random.below(100_000);
    const length = random.below(2000);
    memory.slice(address, length)?.fill(step);
    const view = of(address, length);
    if (view.length !== length || view.some((byte) => byte !== (step & 0xff)))
      throw new Error(`${length} at ${address}`);
    if (length > 0 && of(address, length) !== view) throw new Error("made twice");
  }
  expect(of(kernel, 8).byteLength).toBe(8);
});
