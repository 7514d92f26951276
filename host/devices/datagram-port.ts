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
  /** Datagrams that Node has not handed to the host's kernel yet. */
  #underWay = 0;

  /** `reusePort`: other shards bind the same port. */
  constructor(
    guestPort: number,
    host: string,
    port: number,
    onDatagram: DatagramHandler,
    log: (line: string) => void,
    reusePort = false,
  ) {
    this.#socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4", reusePort });
    this.#socket.on("message", (payload, from) => {
      if (!this.#closed) onDatagram(guestPort, from.address, from.port, payload);
    });
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
    if (this.#closed) return;
    this.#underWay++;
    void this.#ready.then(() => this.#socket.send(payload, port, host, () => this.#sent()));
  }

  #sent(): void {
    if (--this.#underWay === 0 && this.#closed) this.#socket.close();
  }

  /** What was sent before still leaves, as it does when a process with a UDP socket ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#underWay === 0) this.#socket.close();
  }
}
