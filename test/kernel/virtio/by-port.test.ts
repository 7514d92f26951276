import { expect, it } from "vitest";
import { ByPort } from "../../../kernel/virtio/by-port.ts";
import { randomFor } from "../../random.ts";

it("finds what a map would find, in 100,000 random steps with ports that share their low bits", () => {
  const random = randomFor("connections by port");
  const table = new ByPort<{ readonly hostPort: number }>();
  const model = new Map<number, { readonly hostPort: number }>();
  for (let step = 0; step < 100_000; step++) {
    const hostPort = random.below(4) * 1024 + random.below(3) + (random.oneIn(2) ? 2 ** 29 : 1024);
    if (random.oneIn(3)) {
      const value = { hostPort };
      table.set(value);
      model.set(hostPort, value);
    } else if (random.oneIn(2)) {
      table.delete(hostPort);
      model.delete(hostPort);
    } else if (random.oneIn(5000)) {
      table.clear();
      model.clear();
    }
    if (table.get(hostPort) !== model.get(hostPort)) throw new Error(`port ${hostPort} in step ${step}`);
    if (table.has(hostPort) !== model.has(hostPort) || table.size !== model.size) throw new Error(`step ${step}`);
  }
  expect(table.all()).toEqual([...model.values()]);
});
