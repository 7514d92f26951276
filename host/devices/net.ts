/**
 * The network device (virtio 1.2, 5.10 with the extension of kernel/virtio/README.md): the guest's stream and datagram sockets on
 * node:net and node:dgram.
 *
 * Incoming connections come only through what is published and through `connect`, which passes no host socket. Outgoing ones go where
 * `outbound` lets them: nowhere, to the host's loopback addresses (the default: a guest must not reach the network unasked), anywhere.
 *
 * What the guest sends and asks for is here; what goes to it leaves through net-receive-queue.ts; each connection's stream is in
 * stream-endpoint.ts, who waits to be accepted in listeners.ts, datagrams are in datagrams.ts.
 *
 * What always holds: a send chain is used once its bytes have left (endpoint). Packets of the driver are not trusted: unknown
 * connections get a reset, bytes beyond the credit a reset, a malformed packet fails the queue.
 */
import { connect as connectSocket, type Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { ECONNREFUSED, ECONNRESET, ENETUNREACH } from "../../kernel/abi/errno.ts";
import { toBytes } from "../../kernel/fs/byte-string.ts";
import type { PhysicalMemory } from "../../kernel/mem/physical.ts";
import { ByPort } from "../../kernel/virtio/by-port.ts";
import {
  ADDRESS_SLOT_BYTES,
  CONFIG_NAMES,
  GUEST_CID,
  HDR_BUF_ALLOC,
  HDR_FWD_CNT,
  HOST_PORT_MAX,
  HOST_PORT_MIN,
  NAME_PORT_MIN,
  OUTGOING_PORT_MAX,
  OUTGOING_PORT_MIN,
  RINGZERO_FLAG_COPY,
  RINGZERO_OP_BIND,
  RINGZERO_OP_LISTEN,
  RINGZERO_OP_UNBIND,
  RINGZERO_OP_UNLISTEN,
  VIRTIO_VSOCK_OP_CREDIT_REQUEST,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
  VIRTIO_VSOCK_TYPE_DGRAM,
  VIRTIO_VSOCK_TYPE_STREAM,
  VSOCK_HDR_BYTES,
  VSOCK_QUEUE_RX,
  VSOCK_QUEUE_TX,
  W_BUF_ALLOC,
  W_DST_PORT,
  W_FLAGS,
  W_FWD_CNT,
  W_LEN,
  W_SRC_PORT,
  W_TYPE_OP,
} from "../../kernel/virtio/socket-protocol.ts";
import { VIRTIO_ID_VSOCK } from "../../kernel/virtio/transport.ts";
import type { Chain } from "../queue/chain.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { type Backend, MmioDevice } from "../queue/mmio-device.ts";
import { Datagrams } from "./datagrams.ts";
import { decodeSlot, encodeSlot, isLoopbackHost } from "./host-address.ts";
import { Listeners } from "./listeners.ts";
import { NetReceiveQueue } from "./net-receive-queue.ts";
import { PublishedPaths } from "./published-paths.ts";
import { type PortShare, type PublishAddress, PublishedPorts } from "./published-ports.ts";
import { adopt, sharedRead } from "./shared-read.ts";
import { type EndpointOwner, SEND_BYTES_MAX, StreamEndpoint } from "./stream-endpoint.ts";
import type { UdpBatches } from "./udp-batch.ts";
import { ViewCache } from "./view-cache.ts";
import { WriteList } from "./write-list.ts";

export interface NetDeviceOptions {
  /** Guest port to host address. */
  readonly publish?: ReadonlyMap<number, PublishAddress>;
  /** Name of an AF_UNIX socket of the guest's, as a byte string, to host path. */
  readonly publishNames?: ReadonlyMap<string, string>;
  /** How published ports are shared with other shards. */
  readonly share?: PortShare;
  /** Where the guest may connect to. Default "loopback". */
  readonly outbound?: "none" | "loopback" | "any";
  /** Many datagrams in a system call. Default: one by one, by node:dgram. */
  readonly udp?: UdpBatches;
  readonly log?: (line: string) => void;
}

const QUEUE_SIZE = 1024;
const STREAM = VIRTIO_VSOCK_TYPE_STREAM;
const DGRAM = VIRTIO_VSOCK_TYPE_DGRAM;

export class NetDevice implements Backend, EndpointOwner {
  readonly mmio: MmioDevice;
  readonly #memory: PhysicalMemory;
  readonly #rx: NetReceiveQueue;
  readonly #tx: DeviceQueue;
  readonly #outbound: "none" | "loopback" | "any";
  readonly #log: (line: string) => void;
  readonly #published: PublishedPorts;
  readonly #paths: PublishedPaths;
  readonly #listeners: Listeners;
  readonly #endpoints = new ByPort<StreamEndpoint>();
  readonly #datagrams: Datagrams;
  #nextPort = HOST_PORT_MIN;
  readonly #views: ViewCache;
  /** A copy of a packet's header, where it is not in kernel RAM in one piece. */
  readonly #header = new Uint32Array(VSOCK_HDR_BYTES / 4);
  readonly #headerBytes = new Uint8Array(this.#header.buffer);
  readonly #toWrite = new WriteList();
  #closed = false;

  constructor(memory: PhysicalMemory, options: NetDeviceOptions = {}) {
    this.#memory = memory;
    this.#outbound = options.outbound ?? "loopback";
    this.#log = options.log ?? (() => {});
    this.mmio = new MmioDevice(memory, this, {
      name: "net",
      deviceId: VIRTIO_ID_VSOCK,
      queueSizes: [QUEUE_SIZE, QUEUE_SIZE, 16],
      config: configuration([...(options.publishNames ?? new Map()).keys()]),
      ...(options.log && { log: options.log }),
    });
    this.#rx = new NetReceiveQueue(memory, this.mmio.queues[VSOCK_QUEUE_RX] as DeviceQueue, () =>
      this.mmio.interrupt(),
    );
    this.#tx = this.mmio.queues[VSOCK_QUEUE_TX] as DeviceQueue;
    this.#published = new PublishedPorts(
      options.publish ?? new Map(),
      (guestPort, socket) => this.#arrived(guestPort, socket, null),
      this.#log,
      options.share,
    );
    this.#datagrams = new Datagrams(memory, this.#rx, {
      published: this.#published,
      outbound: this.#outbound,
      shares: options.share !== undefined,
      batches: options.udp ?? null,
      log: this.#log,
      mayReach: (host) => this.#mayReach(host),
    });
    this.#paths = new PublishedPaths(
      options.publishNames ?? new Map(),
      (index, socket) => this.#arrived(NAME_PORT_MIN + index, socket, null),
      this.#log,
    );
    this.#listeners = new Listeners(this.#published, this.#paths, (guestPort, stream, far) =>
      this.#request(guestPort, stream, far),
    );
    this.#views = new ViewCache(memory);
  }

  // --- for the embedder ----------------------------------------------------------------------------------------------------

  /** Binds the published ports; rejects with UsageError if one of them, or of the published paths, cannot be had. */
  async bindAll(): Promise<void> {
    await this.#paths.check();
    await this.#published.bindAll();
  }

  /** The host port on which `guestPort` is published. */
  hostPort(guestPort: number): number | undefined {
    return this.#published.hostPort(guestPort);
  }

  /** Settles once the guest listens on all of `guestPorts`, or has bound them for datagrams, and on all published names. */
  listening(guestPorts: readonly number[]): Promise<void> {
    return this.#listeners.until(
      () =>
        guestPorts.every((port) => this.#listeners.isOpen(port) || this.#datagrams.has(port)) &&
        this.#paths.names.every((_, index) => this.#listeners.isOpen(NAME_PORT_MIN + index)),
    );
  }

  /** A connection to a guest port that passes no host socket. It fails with ECONNREFUSED if the guest does not listen there. */
  connect(guestPort: number): Duplex {
    const [near, far] = duplexPair();
    if (this.#closed || !this.#listeners.isListening(guestPort)) {
      const error = new Error(`connect ECONNREFUSED guest port ${guestPort}`);
      process.nextTick(() =>
        far.destroy(Object.assign(error, { code: "ECONNREFUSED", errno: -ECONNREFUSED, syscall: "connect" })),
      );
    } else this.#arrived(guestPort, near, far);
    return far;
  }

  /** Connections that exist (for tests). */
  get connectionCount(): number {
    return this.#endpoints.size;
  }

  /** The machine is over: servers closed, connections ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rx.closed = true;
    this.#listeners.close();
    this.#endAll();
  }

  // --- Backend -------------------------------------------------------------------------------------------------------------

  notify(index: number): void {
    if (index === VSOCK_QUEUE_TX) this.#serve();
    else if (index === VSOCK_QUEUE_RX) this.#rx.refill();
  }

  started(): void {
    this.#rx.started();
  }

  beforeInterruptStatus(): void {
    this.#rx.settleGathered();
  }

  /** The driver has given up: so do all connections. */
  reset(): void {
    this.#endAll();
  }

  #endAll(): void {
    for (const endpoint of this.#endpoints.all()) {
      endpoint.gone = true;
      // Bytes that the guest has sent still leave; an in-process peer sees an end, not an error.
      endpoint.finish();
    }
    this.#endpoints.clear();
    this.#listeners.reset();
    this.#datagrams.close();
    this.#rx.clear();
  }

  // --- guest to host ---------------------------------------------------------------------------------------------------------

  /** In two steps: the packets that wait are looked at, then the bytes of all of them are written (write-list.ts). */
  #serve(): void {
    const tx = this.#tx;
    for (let chain = tx.pop(); chain !== null; chain = tx.pop()) {
      let u32 = this.#memory.kernelU32;
      let at = chain.kernelWords(VSOCK_HDR_BYTES);
      if (at < 0) {
        chain.read(0, this.#headerBytes);
        u32 = this.#header;
        at = 0;
      }
      const length = u32[at + W_LEN] as number;
      if (
        chain.readableBytes < VSOCK_HDR_BYTES ||
        length !== chain.readableBytes - VSOCK_HDR_BYTES ||
        chain.writableBytes > 0
      ) {
        tx.fail(`a packet of ${chain.readableBytes} bytes whose header says ${length}`);
        break;
      }
      const typeOp = u32[at + W_TYPE_OP] as number;
      const hostPort = u32[at + W_DST_PORT] as number;
      const guestPort = u32[at + W_SRC_PORT] as number;
      const flags = u32[at + W_FLAGS] as number;
      const endpoint = this.#endpoints.get(hostPort);
      if (endpoint !== undefined && (typeOp & 0xffff) === STREAM && endpoint.guestPort === guestPort) {
        endpoint.guestBufAlloc = u32[at + W_BUF_ALLOC] as number;
        endpoint.guestFwdCount = u32[at + W_FWD_CNT] as number;
        if (typeOp >>> 16 === VIRTIO_VSOCK_OP_RW) this.#send(endpoint, chain, length, flags);
        else {
          if (!this.#toWrite.isEmpty) this.#toWrite.writeAll(); // what was sent before
          this.#control(endpoint, typeOp >>> 16, flags);
          tx.push(chain, 0);
        }
        if (endpoint.hasBacklog && !endpoint.waiting && endpoint.credit > 0) endpoint.drain();
      } else {
        this.#other(chain, typeOp, hostPort, guestPort, flags, length);
        tx.push(chain, 0);
      }
    }
    this.#datagrams.flush();
    if (!this.#toWrite.isEmpty) this.#toWrite.writeAll();
    tx.signal();
    this.#rx.signal(); // answers, and connections that there is room for now
  }

  /** RW: the payload is put on the list of what goes to the streams. */
  #send(endpoint: StreamEndpoint, chain: Chain, length: number, flags: number): void {
    const held = (endpoint.rxCount - endpoint.fwdCount) >>> 0;
    if (!endpoint.established || endpoint.sendShut || held + length > SEND_BYTES_MAX) {
      this.#tx.push(chain, 0);
      this.#abort(endpoint);
      return;
    }
    endpoint.rxCount = (endpoint.rxCount + length) >>> 0;
    const direct = chain.readableCount === 2 && chain.lengths[0] === VSOCK_HDR_BYTES;
    const copies = endpoint.far !== null || flags >= RINGZERO_FLAG_COPY;
    if (direct && !copies) {
      this.#toWrite.add(endpoint, this.#views.of(chain, 1), chain);
      return;
    }
    const bytes = Buffer.allocUnsafe(length);
    chain.read(VSOCK_HDR_BYTES, bytes);
    this.#tx.push(chain, 0);
    this.#toWrite.add(endpoint, bytes, null);
  }

  #control(endpoint: StreamEndpoint, op: number, flags: number): void {
    switch (op) {
      case VIRTIO_VSOCK_OP_RESPONSE:
        if (endpoint.outgoing || endpoint.established) this.#abort(endpoint);
        else {
          this.#listeners.answered(endpoint.guestPort);
          endpoint.start();
        }
        return;
      case VIRTIO_VSOCK_OP_RST:
        if (!endpoint.established && !endpoint.outgoing) this.#listeners.answered(endpoint.guestPort);
        this.#endpoints.delete(endpoint.hostPort);
        endpoint.reset(flags);
        return;
      case VIRTIO_VSOCK_OP_SHUTDOWN:
        if (flags & VIRTIO_VSOCK_SHUTDOWN_RCV) endpoint.finish();
        else if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND) endpoint.endWriting();
        return;
      case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        this.#rx.packet(endpoint, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, null);
        return;
      case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        return;
      default:
        this.#abort(endpoint);
    }
  }

  /** Packets that belong to no connection. */
  #other(chain: Chain, typeOp: number, hostPort: number, guestPort: number, flags: number, length: number): void {
    const type = typeOp & 0xffff;
    const op = typeOp >>> 16;
    if (type === DGRAM) {
      if (op === VIRTIO_VSOCK_OP_RW) this.#datagrams.send(chain, guestPort, length);
      else if (op === RINGZERO_OP_BIND) {
        if (this.#datagrams.bind(hostPort)) this.#listeners.tell();
      } else if (op === RINGZERO_OP_UNBIND) this.#datagrams.unbind(hostPort);
      return;
    }
    if (op === RINGZERO_OP_LISTEN) this.#listeners.listen(hostPort, flags);
    else if (op === RINGZERO_OP_UNLISTEN) this.#listeners.unlisten(hostPort);
    else if (op === VIRTIO_VSOCK_OP_REQUEST && type === STREAM && !this.#endpoints.has(hostPort)) {
      this.#connectOut(chain, hostPort, guestPort, length);
    } else if (op !== VIRTIO_VSOCK_OP_RST) this.#rx.bare(hostPort, guestPort, VIRTIO_VSOCK_OP_RST, ECONNRESET);
  }

  #connectOut(chain: Chain, hostPort: number, guestPort: number, length: number): void {
    const slot = new Uint8Array(ADDRESS_SLOT_BYTES);
    const to = length === ADDRESS_SLOT_BYTES && chain.read(VSOCK_HDR_BYTES, slot) ? decodeSlot(slot) : null;
    if (to === null || hostPort < OUTGOING_PORT_MIN || hostPort > OUTGOING_PORT_MAX) {
      this.#rx.bare(hostPort, guestPort, VIRTIO_VSOCK_OP_RST, ECONNRESET);
      return;
    }
    if (!this.#mayReach(to.host)) {
      const errno = isLoopbackHost(to.host) ? ECONNREFUSED : ENETUNREACH;
      this.#rx.bare(hostPort, guestPort, VIRTIO_VSOCK_OP_RST, errno);
      return;
    }
    const onread = sharedRead((bytes, count) => endpoint.take(bytes, count));
    const socket = connectSocket({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true, onread });
    const endpoint = new StreamEndpoint(this, hostPort, guestPort, socket, null, true, true);
    endpoint.guestBufAlloc = chain.getU32(HDR_BUF_ALLOC);
    endpoint.guestFwdCount = chain.getU32(HDR_FWD_CNT);
    this.#endpoints.set(endpoint);
    socket.once("connect", () => {
      if (endpoint.gone) return;
      this.#rx.packet(
        endpoint,
        VIRTIO_VSOCK_OP_RESPONSE,
        0,
        encodeSlot(socket.localAddress ?? "127.0.0.1", socket.localPort ?? 0),
      );
      endpoint.start();
      this.#rx.signal();
    });
  }

  #mayReach(host: string): boolean {
    return this.#outbound === "any" || (this.#outbound === "loopback" && isLoopbackHost(host));
  }

  // --- host to guest: connections ----------------------------------------------------------------------------------------------

  /** Somebody has connected from the host. */
  #arrived(guestPort: number, stream: Duplex, far: Duplex | null): void {
    this.#listeners.arrived(guestPort, stream, far);
    this.#rx.signal();
  }

  /** The guest is asked for this one. */
  #request(guestPort: number, stream: Duplex, far: Duplex | null): void {
    const hostPort = this.#takePort();
    const adopted = far ? null : adopt(stream as Socket, (bytes, count) => endpoint.take(bytes, count));
    const endpoint = new StreamEndpoint(this, hostPort, guestPort, adopted ?? stream, far, false, adopted !== null);
    this.#endpoints.set(endpoint);
    const { remoteAddress, remotePort, localAddress } = stream as Partial<Socket>;
    const payload = new Uint8Array(2 * ADDRESS_SLOT_BYTES);
    payload.set(encodeSlot(remoteAddress ?? "127.0.0.1", remotePort ?? 1024 + (hostPort % 64000)));
    payload.set(encodeSlot(localAddress ?? "127.0.0.1", guestPort), ADDRESS_SLOT_BYTES);
    this.#rx.packet(endpoint, VIRTIO_VSOCK_OP_REQUEST, 0, payload);
  }

  #takePort(): number {
    while (this.#endpoints.has(this.#nextPort))
      this.#nextPort = this.#nextPort === HOST_PORT_MAX ? HOST_PORT_MIN : this.#nextPort + 1;
    const port = this.#nextPort;
    this.#nextPort = port === HOST_PORT_MAX ? HOST_PORT_MIN : port + 1;
    return port;
  }

  // --- EndpointOwner: host to guest --------------------------------------------------------------------------------------------

  deliver(endpoint: StreamEndpoint, chunk: Uint8Array, offset: number, end: number): number {
    return this.#rx.deliver(endpoint, chunk, offset, end);
  }

  gather(endpoint: StreamEndpoint, chunk: Uint8Array, count: number): boolean {
    return this.#rx.gather(endpoint, chunk, count);
  }

  flushGathered(): void {
    this.#rx.flushGathered();
  }

  fill(endpoint: StreamEndpoint, chunk: Uint8Array, offset: number, end: number): number {
    return this.#rx.fill(endpoint, chunk, offset, end);
  }

  ended(endpoint: StreamEndpoint): void {
    this.#rx.packet(endpoint, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND, null);
    this.#rx.signal();
  }

  closed(endpoint: StreamEndpoint, errno: number): void {
    if (this.#endpoints.get(endpoint.hostPort) === endpoint) this.#endpoints.delete(endpoint.hostPort);
    if (endpoint.gone) return;
    endpoint.gone = true;
    if (!endpoint.established && !endpoint.outgoing) this.#listeners.answered(endpoint.guestPort);
    const { stream } = endpoint;
    // A stream that was closed before both sides had ended was cut off.
    const orderly = endpoint.discards || (stream.readableEnded && stream.writableFinished);
    this.#rx.packet(endpoint, VIRTIO_VSOCK_OP_RST, errno || (orderly ? 0 : ECONNRESET), null);
    this.#rx.signal();
  }

  written(endpoint: StreamEndpoint, chain: Chain | null, bytes: number): void {
    endpoint.fwdCount = (endpoint.fwdCount + bytes) >>> 0;
    if (chain) {
      this.#tx.push(chain, 0);
      if (!this.#toWrite.isWriting) this.#tx.signal();
    }
    if ((endpoint.fwdCount - endpoint.fwdTold) >>> 0 < SEND_BYTES_MAX / 2 || endpoint.gone) return;
    this.#rx.packet(endpoint, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, null);
    this.#rx.signal();
  }

  // --- ends and bytes ----------------------------------------------------------------------------------------------------------

  /** The driver broke the rules of a connection: it and the host's side see a reset. */
  #abort(endpoint: StreamEndpoint): void {
    if (!endpoint.established && !endpoint.outgoing) this.#listeners.answered(endpoint.guestPort);
    this.#endpoints.delete(endpoint.hostPort);
    if (!endpoint.gone) this.#rx.packet(endpoint, VIRTIO_VSOCK_OP_RST, ECONNRESET, null);
    endpoint.reset(ECONNRESET);
    this.#rx.signal();
  }
}

/** struct virtio_vsock_config (u64 guest_cid), and behind it the published names (CONFIG_NAMES). */
function configuration(names: readonly string[]): Uint8Array {
  const bytes = names.flatMap((name) => [name.length & 0xff, name.length >>> 8, ...toBytes(name)]);
  const config = new Uint8Array(CONFIG_NAMES + 2 + bytes.length);
  config[0] = GUEST_CID;
  config.set([names.length & 0xff, names.length >>> 8, ...bytes], CONFIG_NAMES);
  return config;
}
