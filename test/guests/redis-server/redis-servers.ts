/**
 * Redis servers for the tests of the `redis-server` image: images and native ones, with folders of their own, all gone when a test ends.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import {
  type GuestOptions,
  missingImage,
  missingProgram,
  type ServerProcess,
  startGuest,
  startNative,
} from "../../server-process.ts";
import { RespConnection } from "../redis/resp-connection.ts";

const folders: string[] = [];
const servers: ServerProcess[] = [];
const connections: RespConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Why these tests cannot run here, after one line that says so; undefined if they can. */
export function missingForRedisServer(what: string): string | undefined {
  const missing = missingImage("redis-server") ?? missingProgram("redis-server") ?? missingProgram("redis-cli");
  if (missing !== undefined) console.log(`${what}: ${missing} (Debian: apt-get install redis-server redis-tools)`);
  return missing;
}

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ringzero-redis-"));
  folders.push(folder);
  return folder;
}

/** The image. It keeps its data in `folder`, if one is given. */
export async function image(args: string[] = [], folder?: string, options: GuestOptions = {}): Promise<ServerProcess> {
  const volumes = folder === undefined ? [] : [`${folder}:/data`];
  return adopted(await startGuest({ volumes, ...options, image: "redis-server", args }));
}

/** Debian's redis-server. */
export async function native(args: string[] = [], folder = emptyFolder(), port?: number): Promise<ServerProcess> {
  return adopted(await startNative(["--dir", folder, ...args], port));
}

function adopted(server: ServerProcess): ServerProcess {
  servers.push(server);
  return server;
}

export async function connection(server: { port: number }): Promise<RespConnection> {
  const opened = await RespConnection.open(server.port);
  connections.push(opened);
  return opened;
}

/** One field of INFO. */
export async function info(client: RespConnection, section: string, field: string): Promise<string> {
  const text = String(await client.call("INFO", section));
  return new RegExp(`^${field}:(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
}

/** Keys of all types, `count` in all; big and small ones, so that all encodings are there. */
export async function fill(client: RespConnection, count: number): Promise<void> {
  let sent = 0;
  const send = (...args: (string | number | Buffer)[]): void => {
    client.send(...args);
    sent++;
  };
  for (let index = 0; index < count; index++) {
    const key = `key:${index}`;
    const many = index % 97 === 0 ? 300 : 3;
    const items = Array.from({ length: many }, (_, item) => `${index}:${item}`);
    switch (index % 7) {
      case 0:
        send("SET", key, `value of ${index}`);
        break;
      case 1:
        send("RPUSH", key, ...items);
        break;
      case 2:
        send("HSET", key, ...items.flatMap((item) => [item, "x".repeat(index % 90)]));
        break;
      case 3:
        send("SADD", key, ...(index % 2 ? items : items.map((_, item) => item * index)));
        break;
      case 4:
        send("ZADD", key, ...items.flatMap((item, at) => [at / 3, item]));
        break;
      case 5:
        for (const item of items) send("XADD", key, "*", "field", item);
        break;
      default:
        send("SET", key, Buffer.from([0, 255, index & 0xff, 13, 10]), "PX", 100_000_000);
    }
    if (sent > 1000) {
      for (; sent > 0; sent--) await client.read();
    }
  }
  for (; sent > 0; sent--) await client.read();
}

/** DEBUG DIGEST: equal for two servers that have the same data. The server was started with --enable-debug-command yes. */
export async function digest(client: RespConnection): Promise<string> {
  const value = String(await client.call("DEBUG", "DIGEST"));
  if (!/^[0-9a-f]{40}$/.test(value) || /^0+$/.test(value)) throw new Error(`DEBUG DIGEST: ${value}`);
  return value;
}

export const withDebug = ["--enable-debug-command", "yes"];

/** redis-cli, which must end well; its output. */
export function cli(...args: string[]): string {
  return execFileSync("redis-cli", args, { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "pipe"] });
}
