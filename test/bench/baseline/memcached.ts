/**
 * The opponent: memcached's job done in plain Node, as a good Node engineer would. `node:net` and `node:dgram`, a Map of strings, requests read
 * where they lie, one write for what one chunk asked. The classic text protocol, expiry, cas, a memory limit; one process, no dependency.
 *
 *   node test/bench/baseline/memcached.ts --port 11211 [--memory MEGABYTES]
 *
 * UDP is served on the same port. Used by the benchmark; nothing of Ringzero is imported here.
 */
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { Session } from "./memcached-protocol.ts";
import { Store } from "./memcached-store.ts";

const { values } = parseArgs({
  options: { port: { type: "string", default: "11211" }, memory: { type: "string", default: "64" } },
});
const port = Number(values.port);
const store = new Store(Number(values.memory) * 1024 * 1024);
setInterval(() => store.tick(), 1000).unref();

function serve(socket: Socket): void {
  const session = new Session(store);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    const replies = session.push(chunk);
    if (session.closing) socket.end(replies, "latin1");
    else if (replies !== "" && !socket.write(replies, "latin1")) {
      // The peer does not read: stop reading from it, so that our memory stays bounded.
      socket.pause();
      socket.once("drain", () => socket.resume());
    }
  });
}

/** Request id, sequence number, number of datagrams, reserved: two bytes each. */
const frameBytes = 8;
const payloadMax = 1392;

const datagrams = createSocket({
  type: "udp4",
  // Answers go to addresses that are numbers already: nothing to look up, no turn of the loop to wait for.
  lookup: (host, _options, callback) => callback(null, host, 4),
});
datagrams.on("message", (message, peer) => {
  if (message.length <= frameBytes || message.readUInt16BE(4) !== 1) return;
  const replies = new Session(store).push(message.subarray(frameBytes));
  const count = Math.ceil(replies.length / payloadMax);
  for (let index = 0; index < count; index++) {
    const payload = count === 1 ? replies : replies.slice(index * payloadMax, (index + 1) * payloadMax);
    const datagram = Buffer.allocUnsafe(frameBytes + payload.length);
    datagram[0] = message[0]!;
    datagram[1] = message[1]!;
    datagram.writeUInt16BE(index, 2);
    datagram.writeUInt16BE(count, 4);
    datagram.writeUInt16BE(0, 6);
    datagram.write(payload, frameBytes, "latin1");
    datagrams.send(datagram, peer.port, peer.address);
  }
});

const failed = (error: Error): void => {
  console.error(`baseline: ${error.message}`);
  process.exit(1);
};
datagrams.on("error", failed);
const server = createServer(serve);
server.on("error", failed);
datagrams.bind({ port, address: "127.0.0.1" }, () => {
  server.listen({ port, host: "127.0.0.1", backlog: 511 }, () => console.error(`ready baseline 127.0.0.1:${port}`));
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
