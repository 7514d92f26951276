/**
 * The thread of one shard: a machine like any other, with a link to its peers. Control comes through comlink (shard-control.ts); the thread ends
 * when its owner terminates it.
 */
import type { Readable } from "node:stream";
import { type MessagePort, parentPort } from "node:worker_threads";
import { type ExitStatus, Machine } from "../machine.ts";
import { UsageError } from "../usage-error.ts";
import { PortStream } from "./port-stream.ts";
import { type BootResult, exposeShard, type ShardControl, type ShardRequest, type ShardSink } from "./shard-control.ts";

let machine: Machine | null = null;
let settle: (status: ExitStatus) => void;
const exited = new Promise<ExitStatus>((resolve) => {
  settle = resolve;
});

const control: ShardControl = {
  async boot({ image, options, link, logs }: ShardRequest, sink: ShardSink): Promise<BootResult> {
    try {
      const subject = new Machine(image, { ...options, ...(logs && { log: (line: string) => sink.log(line) }) }, link);
      machine = subject;
      const delivered = [deliver(subject.stdout, 1, sink), deliver(subject.stderr, 2, sink)];
      void subject.exited.then(async (status) => {
        await Promise.all(delivered);
        settle(status);
      });
      await subject.start();
      return { publications: subject.publications };
    } catch (error) {
      return { error: (error as Error).message, usage: error instanceof UsageError };
    }
  },
  exited: () => exited,
  stop: (options) => void machine?.stop(options),
  signal: (signal) => machine?.signal(signal),
  kill: () => machine?.kill(),
  connect(guestPort, port) {
    const far = new PortStream(port);
    const near = machine?.connect(guestPort);
    if (!near) {
      far.destroy(new Error(`guest port ${guestPort}: the shard is not up`));
      return;
    }
    // After an orderly end what is still on its way to the other thread gets there.
    near.on("error", (error) => far.destroy(error)).on("close", () => near.readableEnded || far.destroy());
    far.on("error", () => near.destroy()).on("close", () => far.readableEnded || near.destroy());
    near.pipe(far).pipe(near);
  },
};

async function deliver(stream: Readable, descriptor: 1 | 2, sink: ShardSink): Promise<void> {
  for await (const chunk of stream) await sink.output(descriptor, Uint8Array.from(chunk as Buffer));
}

exposeShard(control, parentPort as MessagePort);
