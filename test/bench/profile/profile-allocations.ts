/**
 * `npm run profile:allocations -- redis|memcached [--pipeline N] [--requests N]`: bytes of JavaScript objects that a request costs, over a million
 * requests, by function. Exit code 1 if the machine's own code allocates for each request.
 */
import { type AllocationNode, readAllocations } from "./allocations.ts";
import { loadText, profileArguments, profileGuest } from "./profiled-run.ts";

/**
 * Bytes a request: less than the smallest object. What happens once a turn (its Immediate), now and then (timers), or crosses from JavaScript to
 * Wasm as a fraction (the clock, read for one command in 16) comes to 4 or 5; anything that is made for each request, or packet, to 12 at least.
 */
const oursMax = 10;

try {
  const { guest, load } = profileArguments(process.argv.slice(2), 1_000_000);
  const { head } = await profileGuest<{ head: AllocationNode }>(guest, "heap", load);
  const { ours, node, functions } = readAllocations(head, load.requests);
  console.log(`${guest}: ${load.requests} requests, ${loadText(load)}`);
  console.log(`the machine's own code ${ours.toFixed(2)} bytes a request, Node's ${node.toFixed(1)}\n`);
  for (const { name, bytes, ours: isOurs } of functions.slice(0, 20)) {
    if (bytes >= 0.005) console.log(`${bytes.toFixed(2).padStart(9)}  ${isOurs ? "machine" : "Node   "}  ${name}`);
  }
  if (ours > oursMax)
    throw new Error(`the machine's own code allocates ${ours.toFixed(2)} bytes a request (at most ${oursMax})`);
} catch (error) {
  console.error(`profile:allocations: ${(error as Error).message}`);
  process.exitCode = 1;
}
