/**
 * Who of the shards is asleep, and how they are woken: one word of shared memory a shard, and a message port between any two.
 *
 * A shard says that it is asleep before its event loop waits, and looks at its rings once more after that; whoever puts something into
 * one of them afterwards finds the word, takes it back and sends the ping. So a busy shard is never pinged, one ping wakes a sleeper however
 * many write to it, and none is lost. (A message port costs 8 µs of CPU for a wake-up on both sides together, Atomics.waitAsync 10.)
 */
import type { MessagePort } from "node:worker_threads";

/** Words a cache line apart. */
const STRIDE = 64 / 4;
const AWAKE = 0;
const ASLEEP = 1;

export function doorbellBytes(shards: number): number {
  return shards * STRIDE * 4;
}

export class Doorbell {
  readonly #words: Int32Array;
  readonly #self: number;
  readonly #ports: readonly (MessagePort | null)[];
  /** Pings sent; for tests and measurements. */
  pings = 0;

  /** `ports[i]` leads to shard i (null: itself). `woken` is called after a ping. */
  constructor(memory: SharedArrayBuffer, self: number, ports: readonly (MessagePort | null)[], woken: () => void) {
    this.#words = new Int32Array(memory);
    this.#self = self;
    this.#ports = ports;
    for (const port of ports) port?.on("message", woken).unref();
  }

  sleep(): void {
    Atomics.store(this.#words, this.#self * STRIDE, ASLEEP);
  }

  awake(): void {
    Atomics.store(this.#words, this.#self * STRIDE, AWAKE);
  }

  /** Wakes `shard` if it is asleep. */
  ring(shard: number): void {
    const word = shard * STRIDE;
    if (Atomics.load(this.#words, word) !== ASLEEP) return;
    if (Atomics.compareExchange(this.#words, word, ASLEEP, AWAKE) !== ASLEEP) return;
    this.pings++;
    this.#ports[shard]?.postMessage(0);
  }

  close(): void {
    for (const port of this.#ports) port?.close();
  }
}
