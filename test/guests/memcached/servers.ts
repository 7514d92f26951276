/**
 * The servers that a test of the protocol runs against: the guest, and Debian's memcached where it is installed. What is expected of one
 * is expected of the other.
 */
import { afterAll } from "vitest";
import { findProgram, startNativeMemcached } from "../../server-process.ts";
import { ByteConnection } from "./byte-connection.ts";
import { bootMemcached } from "./memcached-machine.ts";

export interface Server {
  readonly name: "guest" | "native";
  readonly port: number;
  open(): Promise<ByteConnection>;
}

/** Whether Debian's memcached can be compared with. */
export const hasNative = findProgram("memcached") !== undefined;

async function started(name: Server["name"], args: string[], udp: boolean): Promise<Server> {
  const server =
    name === "guest"
      ? await bootMemcached(udp ? ["-U", "11211", ...args] : args)
      : await startNativeMemcached(["-t", "1", ...args], { udp });
  afterAll(() => server.stop());
  const { port } = server;
  return { name, port, open: () => ByteConnection.open(port) };
}

/** Both with the same arguments, as far as they are there, until the test file ends; `udp`: on the same port of UDP, too. */
export async function servers(args: string[] = [], { udp = false } = {}): Promise<Server[]> {
  const names: Server["name"][] = hasNative ? ["guest", "native"] : ["guest"];
  return Promise.all(names.map((name) => started(name, args, udp)));
}
