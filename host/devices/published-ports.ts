/**
 * The host's listening sockets for the guest ports that are published. All are tried before the guest starts, so that a port in use is
 * known at boot. A port of the system's choice (0) is listened on from then on; who connects before the guest listens waits (NetDevice).
 * One with a number is bound only, and given back, until the guest listens, and whenever it does not: who looks whether the server is up
 * is refused, as by a program of the host's. Nobody is ever let in who would then be cut off.
 *
 * Shards listen on the same port each (`share`, SO_REUSEPORT): the host's kernel divides the connections among them. The first one sees whether
 * the port can be had at all, and is given one where any will do; the others follow.
 */
import { lookup } from "node:dns/promises";
import { BlockList, connect, createServer, type Server, type Socket } from "node:net";
import { UsageError } from "../usage-error.ts";

export interface PublishAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** How a port is shared with the other shards of a machine; undefined: not at all. */
export type PortShare = "first" | "follow" | undefined;

/** Connections that the host's kernel holds for us, a listening socket. */
export const BACKLOG = 1024;

export class PublishedPorts {
  readonly #addresses: ReadonlyMap<number, PublishAddress>;
  readonly #servers = new Map<number, Server>();
  readonly #onConnection: (guestPort: number, socket: Socket) => void;
  readonly #log: (line: string) => void;
  readonly #share: PortShare;

  constructor(
    addresses: ReadonlyMap<number, PublishAddress>,
    onConnection: (guestPort: number, socket: Socket) => void,
    log: (line: string) => void,
    share?: PortShare,
  ) {
    this.#addresses = addresses;
    this.#share = share;
    this.#onConnection = onConnection;
    this.#log = log;
  }

  /** Sees whether all of them can be had, and binds those of the system's choice; or rejects with a UsageError that says which not and why. */
  async bindAll(): Promise<void> {
    // The first shard has seen, and serves already.
    if (this.#share === "follow") return;
    const taken = new Set<string>();
    const results = await Promise.allSettled(
      [...this.#addresses].map(async ([guestPort, address]) => {
        const { host, port } = address;
        if (port === 0) return this.#bind(guestPort, address, this.#share === "first");
        // Who else has it, by SO_REUSEPORT, is none of ours: it is tried without sharing it.
        if (taken.has(`${host} ${port}`)) throw new UsageError(`port ${port} of ${host} is published twice`);
        taken.add(`${host} ${port}`);
        return tryPort(host, port);
      }),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) {
      this.close();
      throw failed.reason;
    }
  }

  /** The guest listens on `guestPort`. Settles once the host does, if the port is published. */
  async open(guestPort: number): Promise<void> {
    const address = this.#addresses.get(guestPort);
    if (!address || this.#servers.has(guestPort)) return;
    await this.#bind(guestPort, address, this.#share !== undefined).catch((error: Error) => this.#log(error.message));
  }

  /** The guest does not listen on `guestPort`. */
  closePort(guestPort: number): void {
    if (this.#addresses.get(guestPort)?.port === 0) return;
    this.#servers.get(guestPort)?.close();
    this.#servers.delete(guestPort);
  }

  /** The host port that `guestPort` has; undefined if it is not published, or is yet to be chosen. */
  hostPort(guestPort: number): number | undefined {
    const port = this.#addresses.get(guestPort)?.port;
    if (port !== 0) return port;
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

  #bind(guestPort: number, { host, port }: PublishAddress, reusePort: boolean): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    this.#servers.set(guestPort, server); // whoever closes it meanwhile finds it
    server.on("connection", (socket) => this.#onConnection(guestPort, socket));
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (this.#servers.get(guestPort) === server) this.#servers.delete(guestPort);
        reject(new UsageError(refusal(host, port, error)));
      });
      server.listen({ host, port, backlog: BACKLOG, reusePort }, () => {
        server.removeAllListeners("error");
        server.on("error", (error) => this.#log(`port ${port}: ${error.message}`)); // accept(2) may fail for want of descriptors
        resolve();
      });
    });
  }
}

/** Every destination there is. */
const EVERYWHERE = new BlockList();
EVERYWHERE.addSubnet("0.0.0.0", 0, "ipv4");
EVERYWHERE.addSubnet("::", 0, "ipv6");

/** tcpmux, which nobody serves. */
const NOWHERE_PORT = 1;

/**
 * Binds the port and gives it back, without listening on it: a connection that may not go anywhere has bound its own address before it
 * learns that. (Before Node 22.13, which does not know block lists, it goes to a port that refuses it.)
 */
async function tryPort(host: string, port: number): Promise<void> {
  try {
    const { address, family } = await lookup(host); // what listening would choose, too
    const far = { host: family === 6 ? "::1" : "127.0.0.1", port: NOWHERE_PORT, blockList: EVERYWHERE };
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      const probe = connect({ ...far, localAddress: address, localPort: port });
      probe.on("error", resolve).on("connect", () => {
        probe.destroy();
        resolve(null);
      });
    });
    if (error?.syscall === "bind") throw error;
  } catch (error) {
    throw new UsageError(refusal(host, port, error as NodeJS.ErrnoException));
  }
}

function refusal(host: string, port: number, error: NodeJS.ErrnoException): string {
  if (error.code === "EADDRINUSE")
    return `port ${port} of ${host} is in use: publish another one, or 0 for any that is free`;
  if (error.code === "EACCES") return `port ${port} of ${host}: permission denied`;
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND") return `${host} is no address of this host`;
  return `cannot listen on port ${port} of ${host}: ${error.message}`;
}
