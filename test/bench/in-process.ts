/**
 * One round of the in-process rows, in a process of its own: boots an image, stores keys, calls its request handler without a socket, and prints
 * how much CPU time (of the whole process) an operation took. Requests are made before, answers are checked.
 *
 *   node test/bench/in-process.ts redis|memcached SECONDS
 */
import { boot } from "../../host/index.ts";

export interface InProcessRound {
  readonly operation: "get" | "set";
  /** Requests in one call. */
  readonly batch: number;
  readonly cpuUsPerOperation: number;
  readonly operationsPerSecond: number;
}

interface Requests {
  readonly port: number;
  get(key: string): string;
  set(key: string, value: string): string;
  /** Bytes of the answer to a get, the value being there; to a set. */
  readonly answerBytes: { readonly get: number; readonly set: number };
}

export const inProcessKeys = 100_000;
export const inProcessValueBytes = 100;
export const batches = [1, 16] as const;
const preparedCalls = 4096;

const key = (index: number): string => `key:${String(index).padStart(12, "0")}`;

const protocols: Readonly<Record<string, Requests>> = {
  redis: {
    port: 6379,
    get: (name) => `*2\r\n$3\r\nGET\r\n$16\r\n${name}\r\n`,
    set: (name, value) => `*3\r\n$3\r\nSET\r\n$16\r\n${name}\r\n$${value.length}\r\n${value}\r\n`,
    answerBytes: { get: `$${inProcessValueBytes}\r\n`.length + inProcessValueBytes + 2, set: "+OK\r\n".length },
  },
  memcached: {
    port: 11211,
    get: (name) => `get ${name}\r\n`,
    set: (name, value) => `set ${name} 0 0 ${value.length}\r\n${value}\r\n`,
    answerBytes: {
      get: `VALUE ${key(0)} 0 ${inProcessValueBytes}\r\n`.length + inProcessValueBytes + "\r\nEND\r\n".length,
      set: "STORED\r\n".length,
    },
  },
};

async function measure(image: string, seconds: number): Promise<InProcessRound[]> {
  const requests = protocols[image];
  if (requests === undefined) throw new Error(`no requests for the image ${image}`);
  const machine = await boot(image, image === "memcached" ? { args: ["-m", "256"] } : {});
  const caller = machine.caller(requests.port);
  const value = (name: string): string => name.padEnd(inProcessValueBytes, "x");
  const call = (bytes: Uint8Array, answerBytes: number): void => {
    const answer = caller.call(bytes);
    if (answer.length !== answerBytes) throw new Error(`${image} answered ${Buffer.from(answer).toString("latin1")}`);
  };
  for (let index = 0; index < inProcessKeys; index += 10) {
    const names = Array.from({ length: 10 }, (_, offset) => key(index + offset));
    call(Buffer.from(names.map((name) => requests.set(name, value(name))).join("")), requests.answerBytes.set * 10);
  }
  const cases = batches.flatMap((batch) =>
    (["get", "set"] as const).map((operation) => {
      const request = (): string => {
        const name = key(Math.floor(Math.random() * inProcessKeys));
        return requests[operation](name, value(name));
      };
      const joined = (): Buffer => Buffer.from(Array.from({ length: batch }, request).join(""));
      const calls = Array.from({ length: preparedCalls }, joined);
      const answerBytes = requests.answerBytes[operation] * batch;
      return (forSeconds: number): InProcessRound => {
        const startedMs = performance.now();
        const cpu = process.cpuUsage();
        let count = 0;
        while (performance.now() - startedMs < forSeconds * 1000) {
          for (const bytes of calls) call(bytes, answerBytes);
          count += calls.length * batch;
        }
        const { user, system } = process.cpuUsage(cpu);
        const operationsPerSecond = count / ((performance.now() - startedMs) / 1000);
        return { operation, batch, cpuUsPerOperation: (user + system) / count, operationsPerSecond };
      };
    }),
  );
  // All of them once, so that the first one does not pay for the compilers.
  for (const run of cases) run(seconds / 2);
  const rounds = cases.map((run) => run(seconds));
  caller.close();
  await machine.stop();
  return rounds;
}

if (import.meta.main) {
  const [image = "", seconds = "1"] = process.argv.slice(2);
  console.log(JSON.stringify(await measure(image, Number(seconds))));
}
