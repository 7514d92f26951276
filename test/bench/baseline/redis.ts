/**
 * The opponent: the job of our redis guest done in plain Node, as a good Node
 * engineer would. `node:net`, a Map, an incremental parser, one write per chunk
 * of pipelined requests. In memory only, one process, no dependency.
 *
 *   node test/bench/baseline/redis.ts --port 6379
 *
 * Used by the benchmark; nothing of Ringzero is imported here.
 */
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { collectionCommands } from "./collections.ts";
import type { Command, Session } from "./command.ts";
import { keyCommands } from "./keys.ts";
import { ProtocolError, RequestParser } from "./resp.ts";
import { Store } from "./store.ts";
import { stringCommands } from "./strings.ts";

const store = new Store();
setInterval(() => store.expireCycle(), 100).unref();

/** By name as clients spell it: all capitals and all small are looked up directly, anything else by its capitals. */
const commands = new Map<string, Command>();
const spellings = new Map<string, Command>();
for (const entry of [...stringCommands, ...collectionCommands, ...keyCommands(commands)]) {
  commands.set(entry.name, entry);
  spellings.set(entry.name, entry);
  spellings.set(entry.name.toLowerCase(), entry);
}
/** These act at once inside MULTI. */
const neverQueued = new Set(["EXEC", "DISCARD", "MULTI", "WATCH", "QUIT"]);

function execute(args: string[], session: Session): string {
  const name = args[0]!;
  const found = spellings.get(name) ?? commands.get(name.toUpperCase());
  if (found === undefined) {
    session.queueBroken = true;
    return `-ERR unknown command '${name.slice(0, 128).replace(/[\r\n]/g, " ")}'\r\n`;
  }
  const { arity } = found;
  if (arity > 0 ? args.length !== arity : args.length < -arity) {
    session.queueBroken = true;
    return `-ERR wrong number of arguments for '${found.name.toLowerCase()}' command\r\n`;
  }
  if (session.queue !== undefined && !neverQueued.has(found.name)) {
    session.queue.push(args);
    return "+QUEUED\r\n";
  }
  return found.run(args, session);
}

function serve(socket: Socket): void {
  const session: Session = { store, queue: undefined, queueBroken: false, watching: undefined, closing: false };
  const parser = new RequestParser();
  let replies = "";
  const onRequest = (args: string[]): void => {
    if (!session.closing) replies += execute(args, session);
  };
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    try {
      parser.push(chunk, onRequest);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      replies += `-ERR Protocol error: ${error.message}\r\n`;
      session.closing = true;
    }
    const batch = replies;
    replies = "";
    if (session.closing) socket.end(batch, "latin1");
    else if (batch !== "" && !socket.write(batch, "latin1")) {
      // The peer does not read: stop reading from it, so that our memory stays bounded.
      socket.pause();
      socket.once("drain", () => socket.resume());
    }
  });
}

const { values } = parseArgs({ options: { port: { type: "string", default: "6379" } } });
const port = Number(values.port);
const server = createServer(serve);
server.on("error", (error) => {
  console.error(`baseline: ${error.message}`);
  process.exitCode = 1;
});
server.listen({ port, host: "127.0.0.1", backlog: 511 }, () => console.error(`ready baseline 127.0.0.1:${port}`));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
