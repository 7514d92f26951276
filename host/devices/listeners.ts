/**
 * The guest's listening ports, as the network device keeps them: whether the guest listens, whether the host does for it, and who waits to be asked
 * for. Made and used by NetDevice, which makes a connection of everybody that `admit` is called for.
 *
 * What always holds: the guest has at most its backlog of requests to answer; who comes then waits here, WAITING_MAX of them at most for each port. Nobody waits for a
 * port on which the guest has listened and does not any more.
 */
import type { Duplex } from "node:stream";
import { ECONNREFUSED } from "../../kernel/abi/errno.ts";
import { NAME_PORT_MIN } from "../../kernel/virtio/socket-protocol.ts";
import type { PublishedPaths } from "./published-paths.ts";
import type { PublishedPorts } from "./published-ports.ts";
import { cutOff } from "./stream-endpoint.ts";

/** Connections that may wait for the guest to listen, or to accept, in each port. */
const WAITING_MAX = 4096;

/** Somebody who wants to connect: the device's end of the stream, and the embedder's, if it is one inside the process. */
interface Caller {
  readonly stream: Duplex;
  readonly far: Duplex | null;
}

interface Listener {
  listening: boolean;
  /** True once it has listened: from then on nobody waits while it does not. */
  hasListened: boolean;
  /** True while the host listens for it, if it is published. */
  open: boolean;
  backlog: number;
  /** Requests that the guest has not answered. */
  unanswered: number;
  readonly waiting: Caller[];
}

export class Listeners {
  readonly #byPort = new Map<number, Listener>();
  readonly #published: PublishedPorts;
  readonly #paths: PublishedPaths;
  readonly #admitted: (guestPort: number, stream: Duplex, far: Duplex | null) => void;
  #waiters: (() => void)[] = [];
  #closed = false;

  /** `admit`: the guest is to be asked for this one. */
  constructor(
    published: PublishedPorts,
    paths: PublishedPaths,
    admit: (guestPort: number, stream: Duplex, far: Duplex | null) => void,
  ) {
    this.#published = published;
    this.#paths = paths;
    this.#admitted = admit;
  }

  isListening(guestPort: number): boolean {
    return this.#byPort.get(guestPort)?.listening ?? false;
  }

  /** True once connections from the host can come, where it is published. */
  isOpen(guestPort: number): boolean {
    return this.#byPort.get(guestPort)?.open ?? false;
  }

  /** Settles once `condition` holds, which is looked at whenever something has begun to listen. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (condition()) resolve();
        else this.#waiters.push(look);
      };
      look();
    });
  }

  /** Something has begun to listen. */
  tell(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const look of waiters) look();
  }

  listen(guestPort: number, backlog: number): void {
    if (guestPort >= NAME_PORT_MIN + this.#paths.names.length) return;
    const listener = this.#of(guestPort);
    listener.listening = true;
    listener.hasListened = true;
    listener.backlog = Math.max(1, backlog);
    this.#admit(guestPort, listener);
    void this.#open(guestPort, listener);
  }

  unlisten(guestPort: number): void {
    const listener = this.#byPort.get(guestPort);
    if (!listener) return;
    listener.listening = false;
    for (const { stream, far } of listener.waiting.splice(0)) drop(stream, far);
    listener.open = false;
    if (guestPort < NAME_PORT_MIN) this.#published.closePort(guestPort);
    else this.#paths.closeName(guestPort - NAME_PORT_MIN);
  }

  /** Somebody has connected. */
  arrived(guestPort: number, stream: Duplex, far: Duplex | null): void {
    const listener = this.#of(guestPort);
    const refused = this.#closed || (!listener.listening && listener.hasListened);
    if (refused || listener.waiting.length >= WAITING_MAX) {
      drop(stream, far);
      return;
    }
    stream.on("error", ignore); // until it has an endpoint that listens to errors
    listener.waiting.push({ stream, far });
    this.#admit(guestPort, listener);
  }

  /** The guest has answered a request, or it is void. */
  answered(guestPort: number): void {
    const listener = this.#of(guestPort);
    if (listener.unanswered > 0) listener.unanswered--;
    this.#admit(guestPort, listener);
  }

  /** The driver has given up: the guest listens nowhere, and nobody waits. */
  reset(): void {
    for (const listener of this.#byPort.values()) {
      listener.listening = false;
      for (const { stream, far } of listener.waiting.splice(0)) drop(stream, far);
    }
  }

  /** The machine is over. */
  close(): void {
    this.#closed = true;
    this.#published.close();
    this.#paths.close();
  }

  #of(guestPort: number): Listener {
    let listener = this.#byPort.get(guestPort);
    if (!listener) {
      listener = { listening: false, hasListened: false, open: false, backlog: 0, unanswered: 0, waiting: [] };
      this.#byPort.set(guestPort, listener);
    }
    return listener;
  }

  async #open(guestPort: number, listener: Listener): Promise<void> {
    if (guestPort < NAME_PORT_MIN) await this.#published.open(guestPort);
    else await this.#paths.open(guestPort - NAME_PORT_MIN);
    if (this.#closed || !listener.listening) return;
    listener.open = true;
    this.tell();
  }

  /** Passes on as many as the guest's backlog has room for. */
  #admit(guestPort: number, listener: Listener): void {
    while (listener.listening && listener.unanswered < listener.backlog) {
      const next = listener.waiting.shift();
      if (!next) return;
      if (next.stream.destroyed) continue;
      listener.unanswered++;
      this.#admitted(guestPort, next.stream, next.far);
    }
  }
}

function ignore(): void {}

/** Somebody whom nobody will accept: refused as far as that can still be told. */
function drop(stream: Duplex, far: Duplex | null): void {
  far?.destroy(
    Object.assign(new Error("connect ECONNREFUSED"), {
      code: "ECONNREFUSED",
      errno: -ECONNREFUSED,
      syscall: "connect",
    }),
  );
  stream.on("error", ignore);
  cutOff(stream);
}
