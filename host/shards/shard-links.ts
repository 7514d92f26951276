/**
 * What connects the shards of a machine: a ring in shared memory for each direction between any two, the doorbell's words, and the message
 * ports that its pings take.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { SHARD_SECRET_BYTES } from "../../kernel/virtio/shard-protocol.ts";
import { hostEntropy, seededEntropy } from "../devices/entropy.ts";
import type { ShardLink } from "../devices/shard.ts";
import { doorbellBytes } from "./doorbell.ts";
import { messageRingBytes } from "./message-ring.ts";

/** All rings together take no more than this, and each at least the smaller one. */
const RINGS_BYTES_MAX = 64 * 1024 * 1024;
const RING_BYTES_MAX = 1024 * 1024;
const RING_BYTES_MIN = 64 * 1024;

/** One link for each of `count` shards. The message ports in it are to be transferred. `seed`: as in BootOptions. */
export function shardLinks(count: number, capacity = ringCapacity(count), seed?: string | number): ShardLink[] {
  const secret = new Uint8Array(SHARD_SECRET_BYTES);
  (seed === undefined ? hostEntropy : seededEntropy(`${seed} shards`))(secret);
  const bell = new SharedArrayBuffer(doorbellBytes(count));
  const each = <T>(make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const rings = each((from) =>
    each((to) => (from === to ? null : new SharedArrayBuffer(messageRingBytes(capacity)))),
  ) as (SharedArrayBuffer | null)[][];
  const ports = each(() => each((): MessagePort | null => null));
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const { port1, port2 } = new MessageChannel();
      (ports[a] as (MessagePort | null)[])[b] = port1;
      (ports[b] as (MessagePort | null)[])[a] = port2;
    }
  }
  return each((self) => ({
    self,
    count,
    secret,
    bell,
    capacity,
    to: rings[self] as (SharedArrayBuffer | null)[],
    from: rings.map((row) => row[self] as SharedArrayBuffer | null),
    ports: ports[self] as (MessagePort | null)[],
  }));
}

function ringCapacity(count: number): number {
  let capacity = RING_BYTES_MAX;
  while (capacity > RING_BYTES_MIN && count * (count - 1) * capacity > RINGS_BYTES_MAX) capacity /= 2;
  return capacity;
}
