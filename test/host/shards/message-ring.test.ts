/**
 * The ring in shared memory: against a plain list, full, around its end, between two threads, and with a peer that writes nonsense.
 */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { BROKEN, EMPTY, messageRingBytes, RingConsumer, RingProducer } from "../../../host/shards/message-ring.ts";
import { SHARD_MESSAGE_BYTES_MAX as MESSAGE_BYTES_MAX } from "../../../kernel/virtio/shard-protocol.ts";
import { randomFor } from "../../random.ts";

const CAPACITY = 64 * 1024;
const TAIL = 0;
const HEAD = 16;
const DATA = 192;

function pair(): { memory: SharedArrayBuffer; producer: RingProducer; consumer: RingConsumer } {
  const memory = new SharedArrayBuffer(messageRingBytes(CAPACITY));
  return {
    memory,
    producer: new RingProducer(memory, 0, CAPACITY),
    consumer: new RingConsumer(memory, 0, CAPACITY),
  };
}

const bytes = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i * 7);

function takeAll(consumer: RingConsumer): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let length = consumer.peek(); length >= 0; length = consumer.peek()) {
    const target = new Uint8Array(length);
    consumer.take(target, 0);
    messages.push(target);
  }
  return messages;
}

describe("a message ring", () => {
  it("shows what was pushed once it is published, in order, every length to the byte", () => {
    const { producer, consumer } = pair();
    const lengths = [0, 1, 7, 8, 9, 31, 32, 33, 1000];
    for (const length of lengths) expect(producer.push(bytes(length + 3, length), 3, length)).toBe(true);
    expect(consumer.peek()).toBe(EMPTY);
    expect(producer.publish()).toBe(true);
    expect(producer.publish()).toBe(false);
    expect(takeAll(consumer)).toEqual(lengths.map((length) => bytes(length + 3, length).subarray(3)));
    expect(consumer.peek()).toBe(EMPTY);
  });

  it("behaves as a list of bounded size does, whatever the order of calls", () => {
    const random = randomFor("message ring");
    const { producer, consumer } = pair();
    const pushed: Uint8Array[] = [];
    const visible: Uint8Array[] = [];
    let used = 0; // bytes that the consumer has not released
    let taken = 0;
    const size = (length: number): number => 8 + Math.ceil(length / 8) * 8;
    for (let step = 0; step < 40_000; step++) {
      const what = random.below(10);
      if (what < 5) {
        const length = random.oneIn(20) ? random.below(MESSAGE_BYTES_MAX + 1) : random.below(300);
        const message = bytes(length, random.below(256));
        const fits = used + size(length) <= CAPACITY;
        expect(producer.push(message, 0, length)).toBe(fits);
        if (fits) {
          pushed.push(message);
          used += size(length);
        }
      } else if (what < 7) {
        expect(producer.publish()).toBe(pushed.length > 0);
        visible.push(...pushed.splice(0));
      } else if (what < 9) {
        const expected = visible.shift();
        expect(consumer.peek()).toBe(expected?.length ?? EMPTY);
        if (expected) {
          const target = new Uint8Array(expected.length + 2);
          expect(consumer.take(target, 1)).toBe(expected.length);
          expect(Buffer.compare(target.subarray(1, -1), expected)).toBe(0);
          expect([target[0], target.at(-1)]).toEqual([0, 0]);
          taken += size(expected.length);
        }
      } else {
        consumer.release();
        used -= taken;
        taken = 0;
      }
    }
  });

  it("refuses when it is full, and says once that the producer waits for room", () => {
    const { producer, consumer } = pair();
    const message = bytes(MESSAGE_BYTES_MAX, 1);
    expect(producer.push(message, 0, MESSAGE_BYTES_MAX)).toBe(true);
    expect(producer.push(message, 0, MESSAGE_BYTES_MAX)).toBe(false);
    expect(producer.stall()).toBe(false);
    producer.publish();
    expect(takeAll(consumer).length).toBe(1);
    expect(consumer.release()).toBe(true);
    expect(consumer.release()).toBe(false);
    expect(producer.push(message, 0, MESSAGE_BYTES_MAX)).toBe(true);
    producer.publish();
    takeAll(consumer);
    expect(consumer.release()).toBe(false);
  });

  it("has room at once if some was made between the refusal and the word about it", () => {
    const { producer, consumer } = pair();
    const message = bytes(MESSAGE_BYTES_MAX, 1);
    producer.push(message, 0, MESSAGE_BYTES_MAX);
    producer.publish();
    expect(producer.push(message, 0, MESSAGE_BYTES_MAX)).toBe(false);
    takeAll(consumer);
    consumer.release();
    expect(producer.stall()).toBe(true);
    expect(producer.push(message, 0, MESSAGE_BYTES_MAX)).toBe(true);
  });

  it("goes on where its counters run over 2^32", () => {
    const { memory } = pair();
    const near = 2 ** 32 - 64;
    const words = new Int32Array(memory);
    const producer = new RingProducer(memory, 0, CAPACITY, near);
    const consumer = new RingConsumer(memory, 0, CAPACITY, near);
    words[TAIL] = near;
    words[HEAD] = near;
    for (let i = 0; i < 100; i++) {
      expect(producer.push(bytes(40, i), 0, 40)).toBe(true);
      producer.publish();
      expect(takeAll(consumer)).toEqual([bytes(40, i)]);
      consumer.release();
    }
  });

  it("refuses a message that is too long, and a ring that cannot hold one", () => {
    const { producer } = pair();
    expect(() => producer.push(new Uint8Array(MESSAGE_BYTES_MAX + 1), 0, MESSAGE_BYTES_MAX + 1)).toThrow(/message of/);
    expect(() => new RingProducer(new SharedArrayBuffer(65536), 0, 1024)).toThrow(/ring of/);
  });

  const hostile: [string, (words: Int32Array, headers: Uint32Array) => void][] = [
    [
      "a length beyond the largest message",
      (_, headers) => {
        headers[0] = MESSAGE_BYTES_MAX + 1;
      },
    ],
    [
      "a length of 4 GiB",
      (_, headers) => {
        headers[0] = 0xffffffff;
      },
    ],
    [
      "a length beyond what is published",
      (_, headers) => {
        headers[0] = 1000;
      },
    ],
    [
      "a torn header",
      (_, headers) => {
        headers[1] = (headers[1] as number) ^ 0x10000;
      },
    ],
    [
      "a header of another place",
      (_, headers) => {
        headers[1] = (headers[1] as number) ^ 8;
      },
    ],
    [
      "a tail beyond the capacity",
      (words) => {
        words[TAIL] = CAPACITY + 8;
      },
    ],
    [
      "a tail before the head",
      (words) => {
        words[TAIL] = -8;
      },
    ],
    [
      "a tail in the middle of a message",
      (words) => {
        words[TAIL] = 4;
      },
    ],
    [
      "a tail that ends before the message",
      (words) => {
        words[TAIL] = 8;
      },
    ],
  ];
  for (const [what, spoil] of hostile) {
    it(`is broken for good by ${what}`, () => {
      const { memory, producer, consumer } = pair();
      producer.push(bytes(100, 1), 0, 100);
      producer.publish();
      spoil(new Int32Array(memory), new Uint32Array(memory, DATA));
      expect(consumer.peek()).toBe(BROKEN);
      expect(consumer.take(new Uint8Array(MESSAGE_BYTES_MAX), 0)).toBe(BROKEN);
      producer.push(bytes(8, 1), 0, 8);
      producer.publish();
      expect(consumer.peek()).toBe(BROKEN);
    });
  }

  it("never has room for a consumer whose head runs away", () => {
    const { memory, producer } = pair();
    new Int32Array(memory)[HEAD] = 12345 * 8;
    while (producer.push(bytes(1000, 1), 0, 1000));
    expect(producer.push(bytes(1000, 1), 0, 1000)).toBe(false);
  });

  it("carries a million bytes between two threads that both run", async () => {
    const memory = new SharedArrayBuffer(messageRingBytes(CAPACITY));
    const module = new URL("../../../host/shards/message-ring.ts", import.meta.url).href;
    const COUNT = 20_000;
    const worker = new Worker(
      `const { workerData, parentPort } = require("node:worker_threads");
       import(${JSON.stringify(module)}).then(({ RingProducer }) => {
         const ring = new RingProducer(workerData, 0, ${CAPACITY});
         const bytes = new Uint8Array(4096);
         for (let i = 0; i < ${COUNT}; i++) {
           const length = (i * 37) % 200;
           bytes.fill(i, 0, length);
           while (!ring.push(bytes, 0, length)) ring.publish();
           if (i % 7 === 0) ring.publish();
         }
         ring.publish();
         parentPort.postMessage("done");
       });`,
      { eval: true, workerData: memory },
    );
    const consumer = new RingConsumer(memory, 0, CAPACITY);
    const target = new Uint8Array(MESSAGE_BYTES_MAX);
    let wrong = 0;
    for (let i = 0; i < COUNT; ) {
      const length = consumer.take(target, 0);
      if (length === EMPTY) {
        consumer.release();
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      if (length !== (i * 37) % 200 || target.subarray(0, length).some((byte) => byte !== (i & 0xff))) wrong++;
      i++;
      if (i % 5 === 0) consumer.release();
    }
    expect(wrong).toBe(0);
    expect(consumer.peek()).toBe(EMPTY);
    await worker.terminate();
  });
});
