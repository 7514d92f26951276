/**
 * The host's listening sockets for the guest ports that are published. They are bound before the guest starts, so that a port in use is
 * known at boot; who connects early waits until the guest listens (NetDevice).
 */
import { createServer, type Server, type Socket } from "node:net";
import { UsageError } from "../usage-error.ts";

export interface PublishAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Connections that the host's kernel holds for us, a listening socket. */
export const BACKLOG = 1024;

export class PublishedPorts {
  readonly #addresses: ReadonlyMap<number, PublishAddress>;
  readonly #servers = new Map<number, Server>();
  readonly #onConnection: (guestPort: number, socket: Socket) => void;
  readonly #log: (line: string) => void;

  constructor(
    addresses: ReadonlyMap<number, PublishAddress>,
    onConnection: (guestPort: number, socket: Socket) => void,
    log: (line: string) => void,
  ) {
    this.#addresses = addresses;
    this.#onConnection = onConnection;
    this.#log = log;
  }

  /** Binds all of them, or none: then it rejects with a UsageError that says which and why. */
  async bindAll(): Promise<void> {
    const results = await Promise.allSettled(
      [...this.#addresses].map(([guestPort, address]) => this.#bind(guestPort, address)),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (!failed) return;
    this.close();
    throw failed.reason;
  }

  /** The host port that `guestPort` got. */
  hostPort(guestPort: number): number | undefined {
    const address = this.#servers.get(guestPort)?.address();
    return address && typeof address === "object" ? address.port : undefined;
  }

  address(guestPort: number): PublishAddress | undefined {
    return this.#addresses.get(guestPort);
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }

  #bind(guestPort: number, { host, port }: PublishAddress): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on("connection", (socket) => this.#onConnection(guestPort, socket));
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => reject(new UsageError(refusal(host, port, error))));
      server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#servers.set(guestPort, server);
        server.removeAllListeners("error");
        server.on("error", (error) => this.#log(`port ${port}: ${error.message}`)); // accept(2) may fail for want of descriptors
        resolve();
      });
    });
  }
}

function refusal(host: string, port: number, error: NodeJS.ErrnoException): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} of ${host} is in use: publish another one, or 0 for any that is free`;
  if (error.code === "EACCES") return `port ${port} of ${host}: permission denied`;
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND") return `${host} is no address of this host`;
  return `cannot listen on port ${port} of ${host}: ${error.message}`;
}
