/**
 * What Node's sockets cost by themselves: every packet is answered at once with what the benchmark's get would find, and nothing is parsed, looked up
 * or stored. No server that uses node:net and node:dgram can cost less than this one, whatever it is written in.
 *
 *   node test/bench/baseline/sockets.ts --port 11211 [--protocol memcached|redis]
 *
 * It knows one request: the get of one key of 16 bytes, one in a packet; over UDP memcached's, on the same port.
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { port: { type: "string", default: "11211" }, protocol: { type: "string", default: "memcached" } },
});
const port = Number(values.port);
const keyBytes = 16;
const valueBytes = 100;
const frameBytes = 8;

interface Answer {
  /** The answer, but for the key; where the key lies in a request, and where in the answer. */
  readonly template: Buffer;
  readonly keyAt: number;
  readonly placesOfKey: readonly number[];
  /** What any other request is answered with. */
  readonly other: string;
}

const nothing = "-".repeat(keyBytes);
const value = nothing.padEnd(valueBytes, "x");
const answers: Readonly<Record<string, Answer>> = {
  memcached: {
    template: Buffer.from(`VALUE ${nothing} 0 ${valueBytes}\r\n${value}\r\nEND\r\n`),
    keyAt: "get ".length,
    placesOfKey: ["VALUE ".length, `VALUE ${nothing} 0 ${valueBytes}\r\n`.length],
    other: "VERSION 0\r\n",
  },
  redis: {
    template: Buffer.from(`$${valueBytes}\r\n${value}\r\n`),
    keyAt: "*2\r\n$3\r\nGET\r\n$16\r\n".length,
    placesOfKey: [`$${valueBytes}\r\n`.length],
    other: "+PONG\r\n",
  },
};
const answer = answers[values.protocol];
if (answer === undefined) throw new Error(`--protocol ${values.protocol}: memcached or redis`);
const { template, keyAt, placesOfKey, other } = answer;
const requestBytes = keyAt + keyBytes + 2;

/** Writes the answer to the request at `from` of `packet` into `target`, from `at` on. */
function write(packet: Buffer, from: number, target: Buffer, at: number): void {
  template.copy(target, at);
  for (const place of placesOfKey) packet.copy(target, at + place, from + keyAt, from + keyAt + keyBytes);
}

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (packet: Buffer) => {
    if (packet.length !== requestBytes) {
      socket.write(other);
      return;
    }
    const reply = Buffer.allocUnsafe(template.length);
    write(packet, 0, reply, 0);
    socket.write(reply);
  });
});

const datagrams = createSocket({ type: "udp4", lookup: (host, _options, callback) => callback(null, host, 4) });
datagrams.on("message", (message, peer) => {
  if (message.length !== frameBytes + requestBytes) return;
  const reply = Buffer.allocUnsafe(frameBytes + template.length);
  message.copy(reply, 0, 0, frameBytes); // one datagram: the answer's frame is the request's
  write(message, frameBytes, reply, frameBytes);
  datagrams.send(reply, peer.port, peer.address);
});

datagrams.bind({ port, address: "127.0.0.1" }, () => {
  server.listen({ port, host: "127.0.0.1", backlog: 511 }, () => console.error(`ready sockets 127.0.0.1:${port}`));
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
