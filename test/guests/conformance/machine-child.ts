/**
 * A process that boots one machine after the other, as machine-pool.ts asks it to. A process of its own because a guest that loops
 * without a system call holds the thread that it runs on: only its end ends such a guest.
 */
import type { Readable } from "node:stream";
import { boot, type Machine } from "../../../host/index.ts";
import type { MachineJob, MachineReply, MachineRequest } from "./machine-job.ts";

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

let running: Machine | null = null;

async function run({ module, ...options }: MachineJob): Promise<MachineReply> {
  try {
    const machine = await boot(module, { ...options, memory: "256mb" });
    running = machine;
    const [stdout, stderr, { code, reason }] = await Promise.all([
      textOf(machine.stdout),
      textOf(machine.stderr),
      machine.exited,
    ]);
    return { code, stdout, stderr, reason };
  } catch (error) {
    return { code: -1, stdout: "", stderr: "", reason: String(error instanceof Error ? error.message : error) };
  }
}

process.on("message", (request: MachineRequest) => {
  if ("run" in request) void run(request.run).then((reply) => process.send?.(reply));
  else running?.kill();
});
