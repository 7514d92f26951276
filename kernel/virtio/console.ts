/**
 * The console driver (virtio 1.2, 5.3, with VIRTIO_CONSOLE_F_MULTIPORT): what stands behind descriptors 0, 1 and 2.
 *
 * Output is copied into kernel RAM and made available at once, so the caller may reuse its bytes and the order of writes, over both
 * outputs, is the order in which the device sees them. When all buffers of a port belong to the device (a slow terminal), `write`
 * answers -EAGAIN and `outputWaiters` is woken once one came back. Input waits in the receive buffers until it is read; only then the
 * buffer goes back to the device, so nothing is read ahead without bound.
 *
 * Nothing here knows of O_NONBLOCK or parks: the File that wraps it does.
 */
import { EAGAIN, EFAULT, EIO, EPIPE } from "../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../abi/poll.ts";
import type { Kernel } from "../kernel.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import {
  CONSOLE_CONFIG_COLS,
  CONSOLE_CONFIG_ROWS,
  CONTROL_BYTES,
  PORT_STDERR,
  PORT_STDIN,
  PORT_STDOUT,
  QUEUE_CONTROL_RECEIVE,
  QUEUE_CONTROL_TRANSMIT,
  receiveQueueOf,
  transmitQueueOf,
  VIRTIO_CONSOLE_DEVICE_ADD,
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_F_MULTIPORT,
  VIRTIO_CONSOLE_F_SIZE,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
} from "./console-protocol.ts";
import { VirtioDriver } from "./driver.ts";
import { type Transport, VIRTIO_ID_CONSOLE, VIRTIO_MMIO_INT_CONFIG } from "./transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

const BUFFERS = 4;
const BUFFER_BYTES = 4096;
const CONTROL_BUFFERS = 8;
/** A port's name follows its message: room for that. */
const CONTROL_RECEIVE_BYTES = 64;

/** One output: its transmit queue and the buffers that are free. */
interface Output {
  readonly queue: Virtqueue;
  readonly buffers: number;
  readonly free: number[];
  open: boolean;
  readonly waiters: WaitQueue;
}

export class ConsoleDriver {
  readonly inputWaiters = new WaitQueue();
  /** The terminal's size, 0 by 0 if the console is none (isatty(3) is then false). */
  columns = 0;
  rows = 0;
  readonly #memory: PhysicalMemory;
  readonly #virtio: VirtioDriver;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #receive: Virtqueue;
  readonly #receiveBuffers: number;
  /** Receive buffers with input, oldest first, and how many bytes each holds; `#inputOffset` of the first are read. */
  readonly #filled: number[] = [];
  readonly #filledBytes: number[] = [];
  #inputOffset = 0;
  #inputOpen = true;
  readonly #controlReceive: Virtqueue;
  readonly #controlReceiveBuffers: number;
  readonly #controlTransmit: Virtqueue;
  readonly #controlBuffers: number;
  #controlNext = 0;

  constructor(memory: PhysicalMemory, transport: Transport) {
    this.#memory = memory;
    this.#virtio = new VirtioDriver(memory, transport, {
      name: "console",
      deviceId: VIRTIO_ID_CONSOLE,
      features: [VIRTIO_CONSOLE_F_SIZE, VIRTIO_CONSOLE_F_MULTIPORT],
      required: [VIRTIO_CONSOLE_F_MULTIPORT],
    });
    this.#stdout = this.#output(PORT_STDOUT);
    this.#stderr = this.#output(PORT_STDERR);
    this.#receive = this.#virtio.queue(receiveQueueOf(PORT_STDIN), BUFFERS);
    this.#receiveBuffers = memory.allocate(BUFFERS * BUFFER_BYTES);
    this.#controlReceive = this.#virtio.queue(QUEUE_CONTROL_RECEIVE, CONTROL_BUFFERS);
    this.#controlReceiveBuffers = memory.allocate(CONTROL_BUFFERS * CONTROL_RECEIVE_BYTES);
    this.#controlTransmit = this.#virtio.queue(QUEUE_CONTROL_TRANSMIT, CONTROL_BUFFERS);
    this.#controlTransmit.setInterrupts(false);
    this.#controlBuffers = memory.allocate(CONTROL_BUFFERS * CONTROL_BYTES);
    this.#virtio.ready();
    this.#readSize();
    for (let i = 0; i < BUFFERS; i++) this.#offerReceive(i);
    this.#receive.kick();
    for (let i = 0; i < CONTROL_BUFFERS; i++) this.#offerControl(i);
    this.#controlReceive.kick();
    this.#send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
    // The interrupt line is connected only after this: look at what came already.
    this.#drain();
  }

  /** True if the console is a terminal. */
  get isTerminal(): boolean {
    return this.columns > 0;
  }

  /** Bytes that `read` would find now (FIONREAD). */
  get inputBytes(): number {
    let bytes = -this.#inputOffset;
    for (const length of this.#filledBytes) bytes += length;
    return bytes;
  }

  /**
   * Writes to standard output (`fd` 1, or 0: a terminal is one device) or error output (2). The bytes taken, which may be fewer
   * than `count`; -EAGAIN when none could be, -EPIPE when nobody reads that output any more, -EIO when the device is gone.
   */
  write(fd: number, address: number, count: number): number {
    if (this.#virtio.failure !== null) return -EIO;
    const output = fd === 2 ? this.#stderr : this.#stdout;
    if (!output.open) return -EPIPE;
    let done = 0;
    while (done < count && this.#hasRoom(output)) {
      const slot = output.free[output.free.length - 1] as number;
      const size = Math.min(BUFFER_BYTES, count - done);
      const source = this.#memory.slice(address + done, size);
      if (source === null) return done > 0 ? done : -EFAULT;
      output.free.pop();
      const buffer = output.buffers + slot * BUFFER_BYTES;
      this.#memory.kernelBytes.set(source, buffer - KERNEL_RAM_BASE);
      output.queue.begin();
      output.queue.addReadable(buffer, size);
      output.queue.submit(slot);
      output.queue.kick();
      done += size;
    }
    if (done > 0 || count === 0) return done;
    return this.#virtio.failure !== null ? -EIO : -EAGAIN;
  }

  /** Woken when `write` to `fd` may take something again. */
  outputWaiters(fd: number): WaitQueue {
    return fd === 2 ? this.#stderr.waiters : this.#stdout.waiters;
  }

  /** Reads input: bytes, 0 at its end, -EAGAIN if there is none now, -EIO when the device is gone. */
  read(address: number, count: number): number {
    if (count === 0) return 0;
    const slot = this.#filled[0];
    if (slot === undefined) {
      if (this.#virtio.failure !== null) return -EIO;
      return this.#inputOpen ? -EAGAIN : 0;
    }
    let done = 0;
    while (done < count && this.#filled.length > 0) {
      const first = this.#filled[0] as number;
      const left = (this.#filledBytes[0] as number) - this.#inputOffset;
      const size = Math.min(left, count - done);
      const target = this.#memory.slice(address + done, size);
      if (target === null) return done > 0 ? done : -EFAULT;
      const from = this.#receiveBuffers + first * BUFFER_BYTES + this.#inputOffset - KERNEL_RAM_BASE;
      target.set(this.#memory.kernelBytes.subarray(from, from + size));
      done += size;
      this.#inputOffset += size;
      if (size === left) {
        this.#filled.shift();
        this.#filledBytes.shift();
        this.#inputOffset = 0;
        this.#offerReceive(first);
      }
    }
    this.#receive.kick();
    return done;
  }

  /** poll(2) bits of the console seen through descriptor `fd` (0: input and output, as a terminal has it). */
  poll(fd: number): number {
    if (this.#virtio.failure !== null) return POLLERR | POLLHUP;
    const output = fd === 2 ? this.#stderr : this.#stdout;
    let mask = 0;
    if (output.open && this.#hasRoom(output)) mask |= POLLOUT | POLLWRNORM;
    if (fd !== 0) return output.open ? mask : mask | POLLERR;
    if (this.#filled.length > 0 || !this.#inputOpen) mask |= POLLIN | POLLRDNORM;
    return mask;
  }

  /** Makes sure that the device knows of everything written. */
  flush(): void {
    this.#stdout.queue.kick();
    this.#stderr.queue.kick();
  }

  handleInterrupt(kernel: Kernel): void {
    const causes = this.#virtio.acknowledge(kernel);
    if (causes & VIRTIO_MMIO_INT_CONFIG) this.#readSize();
    this.#drain();
    if (this.#virtio.failure !== null) {
      this.inputWaiters.wake(POLLERR | POLLHUP);
      this.#stdout.waiters.wake(POLLERR | POLLHUP);
      this.#stderr.waiters.wake(POLLERR | POLLHUP);
    }
  }

  #drain(): void {
    while (this.#controlReceive.popUsed()) {
      const slot = this.#controlReceive.usedToken;
      if (this.#controlReceive.usedLength >= CONTROL_BYTES) this.#handleControl(slot);
      this.#offerControl(slot);
      this.#controlReceive.kick();
    }
    let arrived = false;
    while (this.#receive.popUsed()) {
      if (this.#receive.usedLength === 0) {
        this.#offerReceive(this.#receive.usedToken);
        continue;
      }
      this.#filled.push(this.#receive.usedToken);
      this.#filledBytes.push(this.#receive.usedLength);
      arrived = true;
    }
    if (arrived) this.inputWaiters.wake(POLLIN | POLLRDNORM);
    this.#wakeWriters(this.#stdout);
    this.#wakeWriters(this.#stderr);
  }

  #wakeWriters(output: Output): void {
    if (output.waiters.length > 0 && output.open && this.#hasRoom(output)) output.waiters.wake(POLLOUT | POLLWRNORM);
  }

  /** Takes back used buffers. True if one is free; else the device is asked to interrupt once it has used one. */
  #hasRoom(output: Output): boolean {
    const { queue } = output;
    while (queue.popUsed()) output.free.push(queue.usedToken);
    if (output.free.length > 0) {
      queue.setInterrupts(false);
      return true;
    }
    if (!queue.setInterrupts(true)) return false;
    return queue.popUsed() && output.free.push(queue.usedToken) > 0;
  }

  #handleControl(slot: number): void {
    const at = (this.#controlReceiveBuffers - KERNEL_RAM_BASE + slot * CONTROL_RECEIVE_BYTES) / 4;
    const port = this.#memory.kernelU32[at] as number;
    const word = this.#memory.kernelU32[at + 1] as number;
    const event = word & 0xffff;
    const open = word >>> 16 !== 0;
    if (event === VIRTIO_CONSOLE_DEVICE_ADD) {
      this.#send(port, VIRTIO_CONSOLE_PORT_READY, port <= PORT_STDIN ? 1 : 0);
      if (port <= PORT_STDIN) this.#send(port, VIRTIO_CONSOLE_PORT_OPEN, 1);
    } else if (event === VIRTIO_CONSOLE_PORT_OPEN) {
      if (port === PORT_STDIN) {
        this.#inputOpen = open;
        if (!open) this.inputWaiters.wake(POLLIN | POLLRDNORM);
      } else if (port === PORT_STDOUT || port === PORT_STDERR) {
        const output = port === PORT_STDERR ? this.#stderr : this.#stdout;
        output.open = open;
        output.waiters.wake(open ? POLLOUT | POLLWRNORM : POLLERR);
      }
    }
    // CONSOLE_PORT and PORT_NAME say what we know; RESIZE comes with a configuration change (5.3.5).
  }

  #send(port: number, event: number, value: number): void {
    const queue = this.#controlTransmit;
    while (queue.popUsed()) {}
    const buffer = this.#controlBuffers + (this.#controlNext++ % CONTROL_BUFFERS) * CONTROL_BYTES;
    const at = (buffer - KERNEL_RAM_BASE) / 4;
    if (queue.free === 0) return; // a device that does not read its control queue: it misses the message
    this.#memory.kernelU32[at] = port;
    this.#memory.kernelU32[at + 1] = event | (value << 16);
    queue.begin();
    queue.addReadable(buffer, CONTROL_BYTES);
    queue.submit(0);
    queue.kick();
  }

  #readSize(): void {
    if (!this.#virtio.has(VIRTIO_CONSOLE_F_SIZE)) return;
    this.columns = this.#virtio.config16(CONSOLE_CONFIG_COLS);
    this.rows = this.#virtio.config16(CONSOLE_CONFIG_ROWS);
  }

  #output(port: number): Output {
    const queue = this.#virtio.queue(transmitQueueOf(port), BUFFERS);
    queue.setInterrupts(false);
    const buffers = this.#memory.allocate(BUFFERS * BUFFER_BYTES);
    return { queue, buffers, free: [...Array(BUFFERS).keys()], open: true, waiters: new WaitQueue() };
  }

  #offerReceive(slot: number): void {
    this.#receive.begin();
    this.#receive.addWritable(this.#receiveBuffers + slot * BUFFER_BYTES, BUFFER_BYTES);
    this.#receive.submit(slot);
  }

  #offerControl(slot: number): void {
    this.#controlReceive.begin();
    this.#controlReceive.addWritable(this.#controlReceiveBuffers + slot * CONTROL_RECEIVE_BYTES, CONTROL_RECEIVE_BYTES);
    this.#controlReceive.submit(slot);
  }
}
