/**
 * A machine in a process of its own that profiles itself when it is told to, by messages of the parent's: the inspector's CPU profile or its
 * sampled allocations. The guest has its functions' names (guests/build.ts --names), and runs on this process' only JavaScript thread.
 *
 *   fork("profiled-server.ts", [image file, guest port]); sends { port }, then answers "cpu" and "heap" (start), "stop" with { profile }
 */
import { Session } from "node:inspector/promises";
import { boot } from "../../../host/index.ts";

const [image = "", guestPort = "0"] = process.argv.slice(2);
const machine = await boot(image, { publish: { [Number(guestPort)]: 0 } });
const session = new Session();
session.connect();

/** Bytes between two samples, on the average, and microseconds. */
const heapInterval = 512;
const cpuIntervalUs = 250;

async function start(what: "cpu" | "heap"): Promise<void> {
  if (what === "heap") {
    await session.post("HeapProfiler.startSampling", {
      samplingInterval: heapInterval,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    return;
  }
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: cpuIntervalUs });
  await session.post("Profiler.start");
}

let running: "cpu" | "heap" = "cpu";
process.on("message", async (message: "cpu" | "heap" | "stop") => {
  if (message === "stop") {
    const { profile } =
      running === "cpu" ? await session.post("Profiler.stop") : await session.post("HeapProfiler.stopSampling");
    process.send?.({ profile });
    return;
  }
  running = message;
  await start(message);
  process.send?.({ started: true });
});
process.on("disconnect", () => process.exit());
process.send?.({ port: machine.port(Number(guestPort)) });
