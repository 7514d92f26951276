/**
 * The servers that a test of the protocol runs against: the guest, and Debian's memcached where it is installed. What is expected of one
 * is expected of the other.
 */
import { afterAll } from "vitest";
import { loadUdpBatches } from "../../../host/devices/udp-batch.ts";
import { findProgram, startNativeMemcached } from "../../server-process.ts";
import { ByteConnection } from "./byte-connection.ts";
import { bootMemcached } from "./memcached-machine.ts";

export interface Server {
  readonly name: "guest" | "guest, udp ffi" | "native";
  readonly port: number;
  open(): Promise<ByteConnection>;
}

/** Whether Debian's memcached can be compared with. */
export const hasNative = findProgram("memcached") !== undefined;

async function started(name: Server["name"], args: string[], udp: boolean): Promise<Server> {
  const server =
    name === "native"
      ? await startNativeMemcached(["-t", "1", ...args], { udp })
      : await bootMemcached(udp ? ["-U", "11211", ...args] : args, { udp: name === "guest" ? "dgram" : "ffi" });
  afterAll(() => server.stop());
  const { port } = server;
  return { name, port, open: () => ByteConnection.open(port) };
}

/**
 * All with the same arguments, as far as they are there, until the test file ends; `udp`: on the same port of UDP, too, the guest in both ways that a
 * machine has for it.
 */
export async function servers(args: string[] = [], { udp = false } = {}): Promise<Server[]> {
  const names: Server["name"][] = ["guest"];
  if (udp && typeof loadUdpBatches() !== "string") names.push("guest, udp ffi");
  if (hasNative) names.push("native");
  return Promise.all(names.map((name) => started(name, args, udp)));
}
