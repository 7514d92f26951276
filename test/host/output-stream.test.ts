import { describe, expect, it } from "vitest";
import { OutputStream } from "../../host/output-stream.ts";

const MEGABYTE = Buffer.alloc(1024 * 1024, "x");

async function read(stream: OutputStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("the guest's output", () => {
  it("is kept whole until the embedder could start to read", async () => {
    const stream = new OutputStream();
    for (let i = 0; i < 4; i++) expect(stream.write(MEGABYTE)).toBe(true);
    stream.finish();
    expect((await read(stream)).length).toBe(4 * MEGABYTE.length);
  });

  it("is bounded while nobody reads: the newest bytes stay", async () => {
    const stream = new OutputStream();
    stream.keepTailOnly();
    for (let i = 0; i < 1000; i++) expect(stream.write(Buffer.from(`${`${i}`.padStart(1023, ".")}\n`))).toBe(true);
    stream.finish();
    const text = (await read(stream)).toString();
    expect(text.length).toBeLessThanOrEqual(256 * 1024);
    expect(text).toMatch(/999\n$/);
  });

  it("holds the guest back for a slow consumer, and loses nothing then", async () => {
    const stream = new OutputStream();
    stream.resume();
    await new Promise((resolve) => setImmediate(resolve));
    stream.pause();
    let drained = 0;
    stream.onDrain = () => drained++;
    expect(stream.write(MEGABYTE)).toBe(false);
    stream.resume();
    await new Promise((resolve) => setImmediate(resolve));
    expect(drained).toBeGreaterThan(0);
  });

  it("takes a copy: the device's buffer is used again at once", async () => {
    const stream = new OutputStream();
    const buffer = Buffer.from("first");
    stream.write(buffer);
    buffer.write("XXXXX");
    stream.finish();
    stream.write(Buffer.from("late")); // after the end: dropped
    expect(String(await read(stream))).toBe("first");
  });
});
