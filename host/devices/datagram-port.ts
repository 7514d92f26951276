/**
 * The host's end of one guest UDP port: a node:dgram socket. It is bound where the guest port is published, else to a free port of
 * the loopback address (or of any, where the guest may reach everything).
 */
import { createSocket, type Socket } from "node:dgram";

export type DatagramHandler = (guestPort: number, host: string, port: number, payload: Uint8Array) => void;

export class DatagramPort {
  readonly #socket: Socket;
  readonly #ready: Promise<void>;
  #closed = false;

  constructor(guestPort: number, host: string, port: number, onDatagram: DatagramHandler, log: (line: string) => void) {
    this.#socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4" });
    this.#socket.on("message", (payload, from) => onDatagram(guestPort, from.address, from.port, payload));
    this.#ready = new Promise((resolve) => {
      this.#socket.on("error", (error) => {
        if (!this.#closed) log(`udp port ${guestPort}: ${error.message}`);
        resolve();
      });
      this.#socket.bind({ address: host, port }, resolve);
    });
  }

  get hostPort(): number {
    return this.#closed ? 0 : this.#socket.address().port;
  }

  /** Sends `payload`, which is the caller's to give away. What cannot be sent is lost. */
  send(payload: Uint8Array, host: string, port: number): void {
    void this.#ready.then(() => {
      if (!this.#closed) this.#socket.send(payload, port, host, () => {});
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
