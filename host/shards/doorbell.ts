/**
 * Who of the shards is asleep, and how they are woken: one word of shared memory a shard, and a message port between any two.
 *
 * A shard says that it is asleep before its event loop waits, and looks at its rings once more after that; whoever puts something into
 * one of them afterwards finds the word, takes it back and sends the ping. So a busy shard is never pinged, one ping wakes a sleeper however
 * many write to it, and none is lost. (A message port costs 8 µs of CPU for a wake-up on both sides together, Atomics.waitAsync 10.)
 *
 * Going round the event loop once more costs a fifth of that, and a sleeper with clients of its own is mostly woken by them: so a message pings only
 * once the sender has gone round ROUNDS times and the other one sleeps on.
 */
import type { MessagePort } from "node:worker_threads";

/** Words a cache line apart. */
const STRIDE = 64 / 4;
const AWAKE = 0;
const ASLEEP = 1;
/** More than these, and a shard without clients answers later than it would at once. */
const ROUNDS = 2;

export function doorbellBytes(shards: number): number {
  return shards * STRIDE * 4;
}

export class Doorbell {
  readonly #words: Int32Array;
  readonly #self: number;
  readonly #ports: readonly (MessagePort | null)[];
  /** By shard: rounds until it is woken; 0: it need not be. */
  readonly #due: Uint8Array;
  #dueCount = 0;
  /** Pings sent; for tests and measurements. */
  pings = 0;

  /** `ports[i]` leads to shard i (null: itself). `woken` is called after a ping. */
  constructor(memory: SharedArrayBuffer, self: number, ports: readonly (MessagePort | null)[], woken: () => void) {
    this.#words = new Int32Array(memory);
    this.#self = self;
    this.#ports = ports;
    this.#due = new Uint8Array(ports.length);
    for (const port of ports) port?.on("message", woken).unref();
  }

  sleep(): void {
    Atomics.store(this.#words, this.#self * STRIDE, ASLEEP);
  }

  awake(): void {
    Atomics.store(this.#words, this.#self * STRIDE, AWAKE);
  }

  /** Something has been put into the ring to `shard`. True if it sleeps: `round` is to be called until that says false. */
  ringSoon(shard: number): boolean {
    // One that is awake looks at its rings before it sleeps.
    if (this.#due[shard] === 0 && Atomics.load(this.#words, shard * STRIDE) === ASLEEP) {
      this.#due[shard] = ROUNDS;
      this.#dueCount++;
    }
    return this.#dueCount > 0;
  }

  /** The event loop has gone round: wakes whoever has slept on for ROUNDS. True if somebody else is still to be woken. */
  round(): boolean {
    if (this.#dueCount === 0) return false;
    for (let shard = 0; shard < this.#due.length; shard++) {
      const left = this.#due[shard] as number;
      if (left === 0) continue;
      this.#due[shard] = left - 1;
      if (left > 1) continue;
      this.#dueCount--;
      this.ring(shard);
    }
    return this.#dueCount > 0;
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
    while (this.round());
    for (const port of this.#ports) port?.close();
  }
}
