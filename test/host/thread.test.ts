/** A machine in a thread of the embedder's own, as host/README.md shows it: a looping guest stops with the thread. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { loopingGuest } from "./looping-guest.ts";

const index = new URL("../../host/index.ts", import.meta.url).href;

function startWorker(code: string): Worker {
  return new Worker(
    `import(${JSON.stringify(index)}).then(async ({ boot }) => {
    const { parentPort } = require("node:worker_threads");
    ${code}
  });`,
    { eval: true },
  );
}

it("serves, and ends when it is asked", async () => {
  const worker = startWorker(`
    const machine = await boot("redis", { publish: { 6379: 0 } });
    parentPort.postMessage(machine.port(6379));
    parentPort.once("message", async () => process.exit((await machine.stop()).code));`);
  const [port] = (await once(worker, "message")) as [number];
  expect(port).toBeGreaterThan(0);
  worker.postMessage("stop");
  expect(await once(worker, "exit")).toEqual([0]);
});

it("is terminated while its guest loops, and the process goes on", async () => {
  const worker = startWorker(`
    parentPort.postMessage("booting");
    await boot(${JSON.stringify(loopingGuest("silent"))});`);
  await once(worker, "message");
  await new Promise((resolve) => setTimeout(resolve, 300));
  const startedMs = performance.now();
  expect(await worker.terminate()).toBe(1);
  expect(performance.now() - startedMs).toBeLessThan(1000);
});
