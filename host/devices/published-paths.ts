/**
 * Host sockets (unix(7)) for the AF_UNIX names that are published: who connects to the host's path is connected to the guest's socket of
 * that name.
 *
 * A host path exists for as long as the guest listens on the name, as it would if both were one system: programs remove what lies at
 * their path before they bind it, and their path may be the same one, on a volume. Whether it can be had is checked at boot all the same, but
 * not by listening there: who waits for it would be let in, and cut off.
 */
import { once } from "node:events";
import { accessSync, constants, lstatSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { UsageError } from "../usage-error.ts";
import { BACKLOG } from "./published-ports.ts";

/** Of a sockaddr_un (unix(7)), without its terminal zero. */
const PATH_BYTES_MAX = 107;

export class PublishedPaths {
  /** The guest's names, in the order of their numbers. */
  readonly names: readonly string[];
  readonly #hostPaths: readonly string[];
  readonly #servers = new Map<number, Server>();
  readonly #onConnection: (index: number, socket: Socket) => void;
  readonly #log: (line: string) => void;

  /** `paths`: guest name to host path. */
  constructor(
    paths: ReadonlyMap<string, string>,
    onConnection: (index: number, socket: Socket) => void,
    log: (line: string) => void,
  ) {
    this.names = [...paths.keys()];
    this.#hostPaths = [...paths.values()];
    this.#onConnection = onConnection;
    this.#log = log;
  }

  /** Rejects with a UsageError if one of the paths cannot be had, or somebody serves it. */
  async check(): Promise<void> {
    for (const path of this.#hostPaths) {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat && !stat.isSocket()) throw new UsageError(`${path} is there already, and is no socket`);
      if (stat && (await isServed(path))) throw new UsageError(`${path} is in use: publish another path`);
      const length = Buffer.byteLength(path);
      if (length > PATH_BYTES_MAX) throw new UsageError(`cannot listen on ${path}: ${length} bytes are too long`);
      try {
        accessSync(dirname(path), constants.W_OK | constants.X_OK);
      } catch (error) {
        throw new UsageError(`cannot listen on ${path}: ${(error as Error).message}`);
      }
    }
  }

  /** The guest listens on name `index`. Settles once the host path is there. */
  async open(index: number): Promise<void> {
    const path = this.#hostPaths[index];
    if (path === undefined || this.#servers.has(index)) return;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.#servers.set(index, server);
    server.on("connection", (socket) => this.#onConnection(index, socket));
    server.on("error", (error) => this.#log(`${path}: ${error.message}`)); // accept(2) may fail for want of descriptors
    await listen(server, path).catch(() => {}); // has been logged
  }

  /** The guest listens no longer: the host path goes. */
  closeName(index: number): void {
    this.#servers.get(index)?.close();
    this.#servers.delete(index);
  }

  close(): void {
    for (const index of [...this.#servers.keys()]) this.closeName(index);
  }
}

/** Listens on `path`; what lies there is a socket that nobody serves, the trace of a process that was killed. */
async function listen(server: Server, path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
  server.listen({ path, backlog: BACKLOG });
  await once(server, "listening");
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => resolve(true)).once("error", () => resolve(false));
    probe.once("connect", () => probe.destroy());
  });
}
