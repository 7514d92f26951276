/**
 * The host's end of one guest UDP port: a node:dgram socket. It is bound where the guest port is published, else to a free port of
 * the loopback address (or of any, where the guest may reach everything).
 *
 * A datagram leaves within `send`, without a callback: addresses are numbers already, so there is nothing to look up, and Node tries the
 * system call at once. What the host's kernel has no room for waits in libuv.
 */
import { createSocket, type Socket, type SocketType } from "node:dgram";

/** A datagram from `host`:`port`; its payload is the receiver's. */
export type DatagramHandler = (guestPort: number, host: string, port: number, payload: Uint8Array) => void;

/** Datagrams that wait for the socket to be bound. */
const WAITING_MAX = 1024;
/** How often a closed port looks whether everything has left. */
const DRAIN_MS = 5;

export class DatagramPort {
  readonly #socket: Socket;
  #closed = false;
  /** Null once the socket is bound, or cannot be. */
  #waiting: (() => void)[] | null = [];

  /** `reusePort`: other shards bind the same port. */
  constructor(
    guestPort: number,
    host: string,
    port: number,
    onDatagram: DatagramHandler,
    log: (line: string) => void,
    reusePort = false,
  ) {
    const type: SocketType = host.includes(":") ? "udp6" : "udp4";
    this.#socket = createSocket({
      type,
      reusePort,
      lookup: (name, _options, callback) => callback(null, name, type === "udp6" ? 6 : 4),
    });
    this.#socket.on("message", (payload, from) => {
      if (!this.#closed) onDatagram(guestPort, from.address, from.port, payload);
    });
    this.#socket.on("error", (error) => {
      if (!this.#closed) log(`udp port ${guestPort}: ${error.message}`);
      this.#bound();
    });
    this.#socket.bind({ address: host, port }, () => this.#bound());
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
