/**
 * The host's end of one guest UDP port: a node:dgram socket. It is bound where the guest port is published, else to a free port of
 * the loopback address (or of any, where the guest may reach everything).
 *
 * A datagram leaves within `send`, without a callback: addresses are numbers already, so there is nothing to look up, and Node tries the
 * system call at once. What the host's kernel has no room for waits in libuv.
 *
 * With a `batch` (udp-batch.ts) the socket is Node's all the same, and tells by its first message that there are some: the others are then taken in
 * one system call.
 */
import { createSocket, type Socket, type SocketType } from "node:dgram";
import type { UdpBatch, UdpBatches } from "./udp-batch.ts";

export interface DatagramHandler {
  /** A datagram from `host`:`port`; its payload is the receiver's. */
  datagram(guestPort: number, host: string, port: number, payload: Uint8Array): void;
  /** There may be more, in `batch`. */
  more(guestPort: number, batch: UdpBatch): void;
}

export interface DatagramPortOptions {
  readonly guestPort: number;
  readonly host: string;
  readonly port: number;
  /** Other shards bind the same port. */
  readonly reusePort: boolean;
  readonly batches: UdpBatches | null;
  readonly log: (line: string) => void;
}

/** Datagrams that wait for the socket to be bound. */
const WAITING_MAX = 1024;
/** How often a closed port looks whether everything has left. */
const DRAIN_MS = 5;

export class DatagramPort {
  readonly batch: UdpBatch | null;
  readonly #socket: Socket;
  #closed = false;
  /** Null once the socket is bound, or cannot be. */
  #waiting: (() => void)[] | null = [];

  constructor({ guestPort, host, port, reusePort, batches, log }: DatagramPortOptions, handler: DatagramHandler) {
    const type: SocketType = host.includes(":") ? "udp6" : "udp4";
    this.#socket = createSocket({
      type,
      reusePort,
      lookup: (name, _options, callback) => callback(null, name, type === "udp6" ? 6 : 4),
    });
    const batch = batches?.open(host, port, reusePort) ?? null;
    this.batch = batch;
    this.#socket.on("message", (payload, from) => {
      if (this.#closed) return;
      handler.datagram(guestPort, from.address, from.port, payload);
      if (batch) handler.more(guestPort, batch);
    });
    this.#socket.on("error", (error) => {
      if (!this.#closed) log(`udp port ${guestPort}: ${error.message}`);
      this.#bound();
    });
    this.#socket.bind(batch ? { fd: batch.fd } : { address: host, port }, () => this.#bound());
  }

  get hostPort(): number {
    return this.#closed ? 0 : this.#socket.address().port;
  }

  /** Sends `payload`, which is the caller's to give away. What cannot be sent is lost. */
  send(payload: Uint8Array, host: string, port: number): void {
    if (this.#closed) return;
    if (this.#waiting === null) this.#socket.send(payload, port, host);
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(() => this.#socket.send(payload, port, host));
  }

  #bound(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    for (const send of waiting) send();
    if (this.#closed) this.#end();
  }

  /** What was sent before still leaves, as it does when a process with a UDP socket ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#waiting === null) this.#end();
  }

  #end(): void {
    if (this.#socket.getSendQueueCount() === 0) this.#socket.close();
    else setTimeout(() => this.#end(), DRAIN_MS);
  }
}
