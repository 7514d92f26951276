/**
 * What a machine can be booted with, and its checks: every bad value ends in a UsageError of one line.
 */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { SHARDS_MAX } from "../kernel/virtio/shard-protocol.ts";
import { NAMES_MAX } from "../kernel/virtio/socket-protocol.ts";
import { loadUdpBatches, type UdpBatches } from "./devices/udp-batch.ts";
import { UsageError } from "./usage-error.ts";

/** A host address to publish a guest port on: a port of 127.0.0.1 (0: any free one), "host:port", or both apart. */
export type PublishTarget = number | string | { readonly host?: string; readonly port: number };

/** A host folder to mount: its path, or with options. */
export type VolumeSource = string | { readonly host: string; readonly readOnly?: boolean };

export interface BootOptions {
  /**
   * Guest port to host address: `{ 6379: 0 }` publishes the guest's 6379 on a free port of 127.0.0.1. Or the path of an AF_UNIX socket
   * of the guest's to a host path: `{ "/run/redis.sock": "./redis.sock" }`.
   */
  readonly publish?: Readonly<Record<number | string, PublishTarget>>;
  /** Absolute guest path to host folder. */
  readonly volumes?: Readonly<Record<string, VolumeSource>>;
  /**
   * Directories of the machine that a WASI program is given besides the volumes, by the name under which it knows them: `{ "/": "/data" }`. Other
   * programs see all of the machine anyway.
   */
  readonly preopens?: Readonly<Record<string, string>>;
  /** How a WASI program is answered: as the standard has it (default), or as node:wasi does where it differs. */
  readonly wasi?: "standard" | "node";
  /** The guest's arguments, after its name. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Upper bound of linear memory: bytes, or "64mb", "2gb". Default: the image's, else 4gb. */
  readonly memory?: number | string;
  /** The machine's name, in messages and uname(2). Default: the image's. */
  readonly name?: string;
  /** What the guest reads from descriptor 0. Default: nothing (end of file). */
  readonly stdin?: string | Uint8Array | Readable;
  /**
   * The process id that the guest's first process has (default 1). With the host process' own, what the guest writes into a pid file names a
   * process that can be signalled.
   */
  readonly pid?: number;
  /** Where the guest may connect to: nowhere, loopback (default) or anywhere. */
  readonly outbound?: "none" | "loopback" | "any";
  /**
   * How UDP ports are served: by node:dgram (default), or with many datagrams in one system call (recvmmsg, sendmmsg) through node:ffi, which is
   * experimental in Node 26. The latter takes half the CPU time; Linux on x64 and arm64 only.
   */
  readonly udp?: "dgram" | "ffi";
  /** Seed of the entropy device: the same seed gives the same random numbers. Default: the host's randomness. */
  readonly seed?: string | number;
  /** Lines that the machine itself has to say (not the guest's output). Default: they go to `machine.stderr`. */
  readonly log?: (line: string) => void;
}

/** What a machine of several shards is booted with. */
export interface ShardedBootOptions extends Omit<BootOptions, "stdin"> {
  /** Machines of the image, each in a thread of its own; published ports are shared, `memory` is each one's. */
  readonly shards: number;
}

export interface Publication {
  readonly guestPort: number;
  readonly host: string;
  readonly port: number;
}

/** A published AF_UNIX socket. */
export interface PathPublication {
  readonly guestPath: string;
  readonly hostPath: string;
}

export interface Volume {
  readonly guestPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
}

const PAGE_BYTES = 65536;
/** sun_path in struct sockaddr_un, less the NUL. */
const SOCKET_PATH_BYTES_MAX = 107;
/** What wasm32 can address. */
export const MEMORY_BYTES_MAX = 65536 * PAGE_BYTES;

/** "64mb" to bytes. Accepts b, k, kb, m, mb, g, gb (powers of 1024), rounds up to pages of 64 KiB. */
export function parseMemory(value: number | string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b?)$/i.exec(String(value).trim());
  const unit = (match?.[2] ?? "").toLowerCase()[0];
  const bytes = Number(match?.[1]) * (unit === "k" ? 2 ** 10 : unit === "m" ? 2 ** 20 : unit === "g" ? 2 ** 30 : 1);
  if (!match || !(bytes >= PAGE_BYTES))
    throw new UsageError(`memory "${value}": give a size such as 64mb or 2gb, at least 64kb`);
  if (bytes > MEMORY_BYTES_MAX) throw new UsageError(`memory "${value}": a wasm32 guest can have at most 4gb`);
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** What serves UDP ports in batches; null: node:dgram, one by one. */
export function parseUdp(udp: string = "dgram"): UdpBatches | null {
  if (udp === "dgram") return null;
  if (udp !== "ffi") throw new UsageError(`udp "${udp}": give dgram or ffi`);
  const batches = loadUdpBatches();
  if (typeof batches === "string") throw new UsageError(`udp "ffi": ${batches}`);
  return batches;
}

export function parseShards(shards: number): number {
  if (!Number.isInteger(shards) || shards < 1 || shards > SHARDS_MAX)
    throw new UsageError(`shards ${shards}: give a number from 1 to ${SHARDS_MAX}`);
  return shards;
}

/** What pid_t holds, with room for the processes that follow. */
const PID_MAX = 2 ** 30;

export function parsePid(pid: number): number {
  if (!Number.isInteger(pid) || pid < 1 || pid > PID_MAX)
    throw new UsageError(`pid ${pid}: give a number from 1 to ${PID_MAX}`);
  return pid;
}

export function parsePublications(publish: BootOptions["publish"] = {}): Publication[] {
  return Object.entries(publish).flatMap(([guest, target]) => {
    if (guest.startsWith("/")) return [];
    const guestPort = parsePort(guest, "guest port");
    if (guestPort === 0) throw new UsageError("publish: a guest port cannot be 0");
    if (typeof target === "number") return [{ guestPort, host: "127.0.0.1", port: parsePort(target, "host port") }];
    if (typeof target === "object") {
      return [{ guestPort, host: target.host ?? "127.0.0.1", port: parsePort(target.port, "host port") }];
    }
    return [{ guestPort, ...parseHostAddress(target) }];
  });
}

export function parsePathPublications(publish: BootOptions["publish"] = {}): PathPublication[] {
  const paths = Object.entries(publish).filter(([guestPath]) => guestPath.startsWith("/"));
  if (paths.length > NAMES_MAX) throw new UsageError(`publish: ${paths.length} sockets, more than ${NAMES_MAX}`);
  return paths.map(([guestPath, target]) => {
    if (typeof target !== "string") throw new UsageError(`publish "${guestPath}": give the host path of the socket`);
    const hostPath = resolve(target);
    for (const path of [guestPath, hostPath]) {
      const bytes = Buffer.byteLength(path);
      if (bytes > SOCKET_PATH_BYTES_MAX)
        throw new UsageError(`publish "${path}": ${bytes} bytes are too long for a socket's path`);
    }
    return { guestPath, hostPath };
  });
}

/** "6379", "0.0.0.0:6379" or "[::1]:6379". */
export function parseHostAddress(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d+)$/.exec(text);
  if (!match) throw new UsageError(`"${text}": give a host port, or HOST:PORT`);
  return { host: match[1] ?? match[2] ?? "127.0.0.1", port: parsePort(match[3] as string, "host port") };
}

export function parsePort(value: number | string, what: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(String(value)) || port > 65535)
    throw new UsageError(`${what} "${value}": give a number from 0 to 65535`);
  return port;
}

export function parseVolumes(volumes: BootOptions["volumes"] = {}): Volume[] {
  return Object.entries(volumes).map(([guestPath, source]) => {
    const { host, readOnly = false } = typeof source === "string" ? { host: source } : source;
    if (!guestPath.startsWith("/") || guestPath === "/") {
      throw new UsageError(`volume "${guestPath}": the guest path must be absolute and not /`);
    }
    const hostPath = resolve(host);
    if (!existsSync(hostPath)) throw new UsageError(`volume ${guestPath}: the host folder ${hostPath} does not exist`);
    if (!statSync(hostPath).isDirectory()) throw new UsageError(`volume ${guestPath}: ${hostPath} is not a folder`);
    return { guestPath: guestPath.replace(/\/+$/, ""), hostPath, readOnly };
  });
}

/**
 * What a WASI program is given: each volume by its own path, unless it or a part of it is preopened by name, then what is preopened so.
 */
export function parsePreopens(
  preopens: Readonly<Record<string, string>>,
  volumes: readonly Volume[],
): { path: string; name: string }[] {
  const given = Object.entries(preopens).map(([name, path]) => {
    if (!path.startsWith("/")) throw new UsageError(`preopen "${path}": give an absolute path of the guest's`);
    if (name === "" || name.includes("\0")) throw new UsageError(`preopen "${path}": give it a name`);
    return { path: path.replace(/(?<=.)\/+$/, ""), name };
  });
  const own = volumes.filter(
    ({ guestPath }) => !given.some(({ path }) => path === guestPath || path.startsWith(`${guestPath}/`)),
  );
  return [...own.map(({ guestPath }) => ({ path: guestPath, name: guestPath })), ...given];
}

export function parseEnvironment(env: BootOptions["env"] = {}): string[] {
  return Object.entries(env).map(([name, value]) => {
    if (name === "" || name.includes("=") || name.includes("\0") || value.includes("\0")) {
      throw new UsageError(`env "${name}": a name has no "=", and neither part a NUL`);
    }
    return `${name}=${value}`;
  });
}
