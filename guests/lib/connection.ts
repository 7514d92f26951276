/**
 * Stream sockets in callback style: a subclass of `Connection` says what is to be done with what arrives.
 *
 * Input. Received bytes are lent: `Received` reads them where the device put them, and is empty once `onData` has returned.
 * Output (output.ts). `write` copies into chunks that leave together at the end of the turn; `writeLent` is not copied.
 * Output that the peer does not take stops the input: a congested connection is paused, and resumed (then `onDrain`) when
 * half of it has left. So a slow reader costs bounded memory as long as the subclass only answers what it is asked; one
 * that writes by itself looks at `isCongested`.
 */
import { AF_INET, Address, SOCKADDR_IN_SIZE, writeSockaddr } from "./address";
import * as calls from "./calls";
import { EINPROGRESS, Result } from "./errno";
import { HIGH_WATER, Output } from "./output";
import { Source, defer, register, turnUptime, unregister } from "./ring";
import { SHUT_WR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, addressOf, bound } from "./socket";
import {
  RING_ACCEPT,
  RING_CONNECTED,
  RING_EOF,
  RING_HANGUP,
  RING_RECV,
  RingEvent,
  sys_ring_attach,
  sys_ring_pause,
  sys_ring_user,
  sys_socket,
} from "./sys";
import { Timer, after } from "./timer";

/** How long the peer may take to close its side after we have closed ours. */
const LINGER_MS: f64 = 5000;
const SWEEP_MS: f64 = 1000;

/** Bytes lent to `onData`. All access is checked: bytes kept too long end in an abort, not in somebody else's data. */
export class Received {
  ptr: usize = 0;
  length: i32 = 0;

  // @ts-ignore: decorator
  @operator("[]")
  get(index: i32): u8 {
    if (<u32>index >= <u32>this.length)
      throw new RangeError("received bytes: index out of range, or kept after onData");
    return load<u8>(this.ptr + index);
  }

  /** Where `byte` stands first at or after `from`, or -1. */
  indexOf(byte: u8, from: i32 = 0): i32 {
    for (let i = from < 0 ? 0 : from; i < this.length; i++) if (load<u8>(this.ptr + i) == byte) return i;
    return -1;
  }

  /** A copy to keep. */
  copy(start: i32 = 0, end: i32 = i32.MAX_VALUE): Uint8Array {
    end = max(0, min(end, this.length));
    start = max(0, min(start, end));
    const bytes = new Uint8Array(end - start);
    memory.copy(bytes.dataStart, this.ptr + start, end - start);
    return bytes;
  }

  /** A copy as text. */
  text(): string {
    return String.UTF8.decodeUnsafe(this.ptr, this.length);
  }
}

const received = new Received();
/** Open connections by descriptor. */
const byDescriptor = new Array<Connection | null>();
/** How many connections have a deadline: they are looked at once a second. */
let timedCount: i32 = 0;
let sweeper: Timer | null = null;

function sweep(argument: i32): void {
  sweeper = null;
  const now = turnUptime();
  for (let fd = 0; fd < byDescriptor.length; fd++) {
    const connection = byDescriptor[fd];
    if (connection) connection.onSweep(now);
  }
  if (timedCount > 0) startSweeping();
}

function startSweeping(): void {
  if (!sweeper) sweeper = after<i32>(SWEEP_MS, sweep, 0);
}

export class Connection extends Output {
  private isPausedByUser: bool = false;
  private isPausedByOutput: bool = false;
  private hasShutDown: bool = false;
  private peerHasEnded: bool = false;
  /** Idle time allowed, below 0: any. */
  private idleMs: f64 = -1;
  private activeAt: f64 = 0;

  // --- for the subclass to override ---

  /** The connection is there. */
  onOpen(): void {}
  /** Bytes arrived; they are lent until this returns. */
  onData(bytes: Received): void {}
  /** The peer will send no more. Unless overridden, we finish too once our output has left. */
  onEnd(): void {
    this.end();
  }
  /** The output has drained after it was congested. */
  onDrain(): void {}
  /** Nothing has come or gone for as long as `setIdleTimeout` allows. */
  onIdle(): void {
    this.close();
  }
  /** The last call: the connection is gone. `error`: 0, or why, as a negated errno. */
  onClose(error: i32): void {}

  // --- for the subclass to call, besides the writing methods of `Output` ---

  get isOpen(): bool {
    return this.fd >= 0;
  }

  get localAddress(): Result<Address> {
    return addressOf(this.fd, false);
  }
  get peerAddress(): Result<Address> {
    return addressOf(this.fd, true);
  }

  /** Finishes our side: what was written still leaves, then the connection closes. What arrives from here on is dropped. */
  end(): void {
    if (this.hasEnded || this.fd < 0) return;
    this.hasEnded = true;
    defer(this);
  }

  /** Closes at once; output that has not been handed over is lost. */
  close(): void {
    this.finish(0);
  }

  /** Stops and resumes `onData`: the peer finds its window full. */
  pause(): void {
    this.isPausedByUser = true;
    this.applyPause();
  }
  resume(): void {
    this.isPausedByUser = false;
    this.applyPause();
  }

  /** Calls `onIdle` when for `ms` milliseconds (to the next second) nothing has been received or sent; below 0: never. */
  setIdleTimeout(ms: f64): void {
    if (this.fd < 0) return;
    this.activeAt = turnUptime();
    if (ms >= 0 && this.idleMs < 0) timedCount++;
    if (ms < 0 && this.idleMs >= 0) timedCount--;
    this.idleMs = ms;
    if (timedCount > 0) startSweeping();
  }

  // --- for this file ---

  /** Takes over a descriptor; the ring knows it already if it was accepted. */
  open(fd: i32, isAttached: bool): i32 {
    this.fd = fd;
    const token = register(this, true);
    const error = isAttached ? sys_ring_user(fd, token) : sys_ring_attach(fd, token);
    if (error < 0) {
      this.fd = -1;
      unregister(this, true);
      calls.close(fd);
      return error;
    }
    while (byDescriptor.length <= fd) byDescriptor.push(null);
    byDescriptor[fd] = this;
    return 0;
  }

  onEvent(event: RingEvent): void {
    if (this.fd < 0) return;
    switch (event.kind) {
      case RING_RECV:
        if (this.hasEnded) return;
        this.activeAt = turnUptime();
        received.ptr = event.ptr;
        received.length = event.result;
        this.onData(received);
        received.length = 0;
        return;
      case RING_EOF:
        this.peerHasEnded = true;
        if (this.hasShutDown) this.finish(0);
        else if (!this.hasEnded) this.onEnd();
        return;
      case RING_HANGUP:
        this.finish(event.result);
        return;
      case RING_CONNECTED:
        if (event.result < 0) this.finish(event.result);
        else this.onOpen();
        return;
    }
  }

  protected onOutput(): void {
    this.activeAt = turnUptime();
    if (!this.isPausedByOutput) {
      if (this.isCongested && !this.hasEnded) {
        this.isPausedByOutput = true;
        this.applyPause();
      }
    } else if (!this.isCongested && this.pending <= HIGH_WATER / 2) {
      this.isPausedByOutput = false;
      this.applyPause();
      this.onDrain();
    }
    if (this.fd >= 0 && this.hasEnded && this.isFlushed && !this.hasShutDown) this.shutDown();
  }

  protected onOutputError(error: i32): void {
    this.finish(error);
  }

  private applyPause(): void {
    if (this.fd >= 0) sys_ring_pause(this.fd, this.isPausedByUser || this.isPausedByOutput ? 1 : 0);
  }

  /**
   * All output has left. Closing now could make the peer's host drop it, if there is input that we have not read: so say
   * that we are through, and close when the peer does, or after a while.
   */
  private shutDown(): void {
    this.hasShutDown = true;
    if (this.peerHasEnded || calls.shutdown(this.fd, SHUT_WR) < 0) {
      this.finish(0);
      return;
    }
    this.isPausedByUser = false;
    this.isPausedByOutput = false;
    this.applyPause(); // or the peer's end would not be seen
    this.setIdleTimeout(LINGER_MS);
  }

  onSweep(now: f64): void {
    if (this.idleMs < 0 || now - this.activeAt < this.idleMs) return;
    if (this.hasShutDown) {
      this.finish(0);
      return;
    }
    this.activeAt = now;
    this.onIdle();
  }

  private finish(error: i32): void {
    const fd = this.fd;
    if (fd < 0) return;
    this.setIdleTimeout(-1);
    this.fd = -1;
    this.hasEnded = true;
    byDescriptor[fd] = null;
    unregister(this, true);
    this.dropOutput();
    calls.close(fd);
    this.onClose(error);
  }
}

/** A listening socket: makes a `Connection` for every peer that comes. */
export class Server extends Source {
  constructor(
    private fd: i32,
    private make: () => Connection,
  ) {
    super();
  }

  get localAddress(): Result<Address> {
    return addressOf(this.fd, false);
  }

  /** Stops listening. Connections that are open stay open. */
  close(): void {
    const fd = this.fd;
    if (fd < 0) return;
    this.fd = -1;
    unregister(this, true);
    calls.close(fd);
  }

  onEvent(event: RingEvent): void {
    if (event.kind == RING_ACCEPT) {
      const connection = this.make();
      if (connection.open(event.result, true) >= 0) connection.onOpen();
    } else if (event.fd != this.fd && event.fd >= 0 && event.fd < byDescriptor.length) {
      // The event was on its way before the new connection had a token of its own.
      const connection = byDescriptor[event.fd];
      if (connection) connection.onEvent(event);
    }
  }
}

/** Listens on a port (0: any free one) of every address, or of one; `make` makes the object for each new connection. */
export function listen(
  port: i32,
  make: () => Connection,
  host: string = "0.0.0.0",
  backlog: i32 = 511,
): Result<Server> {
  const fd = bound(SOCK_STREAM, host, port, backlog);
  if (fd < 0) return Result.error<Server>(fd);
  const server = new Server(fd, make);
  const error = sys_ring_attach(fd, register(server, true));
  if (error < 0) {
    server.close();
    return Result.error<Server>(error);
  }
  return Result.of<Server>(server);
}

/** Connects to a host (dotted quad or `localhost`): `onOpen` or `onClose` of the connection says how it went. 0 or a negated errno. */
export function dial(host: string, port: i32, connection: Connection): i32 {
  const address = new StaticArray<u8>(SOCKADDR_IN_SIZE);
  let error = writeSockaddr(changetype<usize>(address), host, port);
  if (error < 0) return error;
  const fd = sys_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fd;
  error = connection.open(fd, false);
  if (error < 0) return error;
  error = calls.connect(fd, changetype<usize>(address), SOCKADDR_IN_SIZE);
  if (error < 0 && error != -EINPROGRESS) {
    connection.close();
    return error;
  }
  if (error == 0) connection.onOpen();
  return 0;
}
