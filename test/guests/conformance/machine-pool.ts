/**
 * Runs programs in machines, a few at a time, each in a child process that is kept for the next one: starting Node once per program
 * would cost more than the programs do. A program that does not end in time takes its child with it; the next one gets a new child.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { MachineJob, MachineReply, MachineRequest } from "./machine-job.ts";
import type { ProgramEnd } from "./program-end.ts";

const CHILD = fileURLToPath(new URL("machine-child.ts", import.meta.url));
/** How long a child has to tell how far its machine got. */
const LAST_WORDS_MS = 1000;
/** A child is replaced after so many machines: each reserves address space for its memory until the collector comes by. */
const JOBS_PER_CHILD = 40;

export class MachinePool {
  readonly #idle: ChildProcess[] = [];
  readonly #served = new Map<ChildProcess, number>();

  /** Boots `job`'s module and settles with how it ended; never rejects. */
  async run(job: MachineJob, timeoutMs: number): Promise<ProgramEnd> {
    const startedMs = performance.now();
    const child = this.#idle.pop() ?? this.#start();
    const reply = await ask(child, job, timeoutMs);
    const served = (this.#served.get(child) ?? 0) + 1;
    this.#served.set(child, served);
    if (child.connected && child.exitCode === null && reply.code !== -1 && served < JOBS_PER_CHILD) {
      this.#idle.push(child);
    } else this.#end(child);
    return { ...reply, tookMs: performance.now() - startedMs };
  }

  close(): void {
    for (const child of [...this.#served.keys()]) this.#end(child);
  }

  #start(): ChildProcess {
    const child = fork(CHILD, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#served.set(child, 0);
    return child;
  }

  #end(child: ChildProcess): void {
    this.#served.delete(child);
    child.kill("SIGKILL");
  }
}

function ask(child: ChildProcess, job: MachineJob, timeoutMs: number): Promise<MachineReply> {
  return new Promise((resolve) => {
    let lastWords = "";
    const listen = (chunk: Buffer): void => {
      lastWords = (lastWords + chunk.toString()).slice(-2000);
    };
    const fail = (reason: string): void => settle({ code: -1, stdout: "", stderr: lastWords, reason });
    const onExit = (code: number | null, signal: string | null): void =>
      fail(`the host process died (${code ?? signal}): ${lastWords.trim().split("\n").slice(-12).join(" | ")}`);
    const hung = `no end after ${timeoutMs} ms`;
    let timer = setTimeout(() => {
      // A guest that waits has its output told; one that loops does not let its host process speak.
      child
        .off("message", settle)
        .once("message", (reply: MachineReply) => settle({ ...reply, code: -1, reason: hung }));
      child.send({ give: "up" } satisfies MachineRequest, () => {});
      timer = setTimeout(() => fail(hung), LAST_WORDS_MS);
    }, timeoutMs);
    const settle = (reply: MachineReply): void => {
      clearTimeout(timer);
      child.stderr?.off("data", listen);
      child.off("exit", onExit).removeAllListeners("message");
      resolve(reply);
    };
    child.stderr?.on("data", listen);
    child.once("exit", onExit).once("message", settle);
    child.send({ run: job } satisfies MachineRequest, (error) => {
      if (error) fail(`the host process is gone: ${error.message}`);
    });
  });
}

/** `task` for every item, `width` at a time, the results in the items' order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  width: number,
  task: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await task(items[index] as Item, index);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}
