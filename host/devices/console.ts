/**
 * The console device (virtio 1.2, 5.3, multiport): the guest's outputs onto two sinks, and input from whoever calls `input`.
 *
 * Bytes handed to a sink are a view of kernel RAM, good during the call only: a sink copies what it keeps. A sink that answers false has
 * taken the bytes and is behind: the port is held, its chains stay with the device, until it calls its `onDrain`.
 */
import type { Readable } from "node:stream";
import type { PhysicalMemory } from "../../kernel/mem/physical.ts";
import {
  CONSOLE_CONFIG_BYTES,
  CONSOLE_CONFIG_COLS,
  CONSOLE_CONFIG_PORTS,
  CONSOLE_CONFIG_ROWS,
  CONTROL_BYTES,
  PORT_COUNT,
  PORT_STDERR,
  PORT_STDIN,
  PORT_STDOUT,
  QUEUE_CONTROL_RECEIVE,
  QUEUE_CONTROL_TRANSMIT,
  QUEUE_COUNT,
  receiveQueueOf,
  transmitQueueOf,
  VIRTIO_CONSOLE_CONSOLE_PORT,
  VIRTIO_CONSOLE_DEVICE_ADD,
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_F_MULTIPORT,
  VIRTIO_CONSOLE_F_SIZE,
  VIRTIO_CONSOLE_PORT_NAME,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
} from "../../kernel/virtio/console-protocol.ts";
import { VIRTIO_ID_CONSOLE } from "../../kernel/virtio/transport.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { type Backend, MmioDevice } from "../queue/mmio-device.ts";

export interface OutputSink {
  /** Takes `chunk` (a view: copy it). False: wait for onDrain before the next. */
  write(chunk: Uint8Array): boolean;
  /** The device puts its functions here. */
  onDrain: () => void;
  /** Called by a sink that takes no more. */
  onClosed?: () => void;
}

export interface ConsoleDeviceOptions {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
  /** The terminal's size; without one the console is no terminal. */
  readonly size?: { readonly columns: number; readonly rows: number };
  readonly log?: (line: string) => void;
}

/** Control messages kept for a driver that offers no buffers for them; one that lets so many pile up is broken. */
const MESSAGES_MAX = 64;
const PORT_NAMES = ["stdout", "stderr", "stdin"];
const encoder = new TextEncoder();

/** One output port. */
interface OutputPort {
  readonly queueIndex: number;
  readonly sink: OutputSink;
  held: boolean;
  open: boolean;
}

export class ConsoleDevice implements Backend {
  readonly mmio: MmioDevice;
  /** Called when input that was waiting has been taken: `input` would answer true again. */
  onInputDrain: () => void = () => {};
  readonly #outputs: readonly [OutputPort, OutputPort];
  /** Input that no receive buffer had room for. */
  readonly #input: Uint8Array[] = [];
  #inputEnded = false;
  /** Control messages that no buffer had room for. */
  readonly #messages: Uint8Array[] = [];
  readonly #portReady = new Array<boolean>(PORT_COUNT).fill(false);

  constructor(memory: PhysicalMemory, options: ConsoleDeviceOptions) {
    const config = new Uint8Array(CONSOLE_CONFIG_BYTES);
    const view = new DataView(config.buffer);
    view.setUint16(CONSOLE_CONFIG_COLS, options.size?.columns ?? 0, true);
    view.setUint16(CONSOLE_CONFIG_ROWS, options.size?.rows ?? 0, true);
    view.setUint32(CONSOLE_CONFIG_PORTS, PORT_COUNT, true);
    this.mmio = new MmioDevice(memory, this, {
      name: "console",
      deviceId: VIRTIO_ID_CONSOLE,
      features: options.size ? [VIRTIO_CONSOLE_F_MULTIPORT, VIRTIO_CONSOLE_F_SIZE] : [VIRTIO_CONSOLE_F_MULTIPORT],
      queueSizes: new Array<number>(QUEUE_COUNT).fill(16),
      config,
      ...(options.log && { log: options.log }),
    });
    const output = (port: number, sink: OutputSink): OutputPort => {
      const made = { queueIndex: transmitQueueOf(port), sink, held: false, open: true };
      sink.onDrain = () => {
        made.held = false;
        this.#drainOutput(made);
      };
      return made;
    };
    this.#outputs = [output(PORT_STDOUT, options.stdout), output(PORT_STDERR, options.stderr)];
    options.stdout.onClosed = () => this.closeOutput(1);
    options.stderr.onClosed = () => this.closeOutput(2);
  }

  notify(index: number): void {
    for (const output of this.#outputs) if (index === output.queueIndex) this.#drainOutput(output);
    if (index === receiveQueueOf(PORT_STDIN)) this.#deliverInput();
    if (index === QUEUE_CONTROL_TRANSMIT) this.#readControl();
    if (index === QUEUE_CONTROL_RECEIVE) this.#deliverMessages();
  }

  reset(): void {
    this.#messages.length = 0;
    this.#portReady.fill(false);
  }

  /** What the guest shall read. False: it waits for receive buffers; hold back until onInputDrain. */
  input(chunk: Uint8Array): boolean {
    if (this.#inputEnded) return true;
    if (chunk.length > 0) this.#input.push(chunk);
    this.#deliverInput();
    return this.#input.length === 0;
  }

  /** After what was given so far the guest reads end of file. */
  endInput(): void {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    if (this.#input.length === 0) this.#sendInputEnd();
  }

  /** Feeds a stream to the guest, with back-pressure. */
  attachInput(stream: Readable): void {
    stream.on("data", (chunk: Uint8Array | string) => {
      if (!this.input(typeof chunk === "string" ? encoder.encode(chunk) : chunk)) stream.pause();
    });
    this.onInputDrain = () => stream.resume();
    const end = () => this.endInput();
    stream.on("end", end);
    stream.on("close", end);
    stream.on("error", end);
  }

  /** Nobody reads that output any more: what the guest writes there answers EPIPE. */
  closeOutput(fd: 1 | 2): void {
    const port = fd === 2 ? PORT_STDERR : PORT_STDOUT;
    const output = this.#outputs[port] as OutputPort;
    if (!output.open) return;
    output.open = false;
    output.held = false; // what it was waiting for will not come
    this.#drainOutput(output);
    if (this.#portReady[port]) this.#sendMessage(port, VIRTIO_CONSOLE_PORT_OPEN, 0);
  }

  /** The terminal has another size now. */
  resize(columns: number, rows: number): void {
    const { config } = this.mmio;
    const view = new DataView(config.buffer, config.byteOffset);
    view.setUint16(CONSOLE_CONFIG_COLS, columns, true);
    view.setUint16(CONSOLE_CONFIG_ROWS, rows, true);
    this.mmio.configChanged();
  }

  /** The machine is over: the sinks get everything that was still held back, however far behind they are. */
  finish(): void {
    for (const output of this.#outputs) {
      output.held = false;
      output.sink.onDrain = () => {};
      while ((this.mmio.queues[output.queueIndex] as DeviceQueue).hasAvailable) {
        this.#drainOutput(output);
        output.held = false;
      }
    }
    this.#inputEnded = true;
    this.#input.length = 0;
    this.onInputDrain = () => {};
  }

  #drainOutput(output: OutputPort): void {
    const queue = this.mmio.queues[output.queueIndex] as DeviceQueue;
    while (!output.held) {
      const chain = queue.pop();
      if (chain === null) break;
      if (chain.writableBytes > 0) {
        queue.fail("a deviceWritable buffer in a transmit queue");
        return;
      }
      // A closed output takes bytes and drops them, as a terminal that was hung up does.
      for (let i = 0; i < chain.count && output.open; i++) if (!output.sink.write(chain.part(i))) output.held = true;
      queue.push(chain, 0);
    }
    queue.signal();
  }

  #deliverInput(): void {
    const queue = this.mmio.queues[receiveQueueOf(PORT_STDIN)] as DeviceQueue;
    if (this.#input.length === 0 || !this.#portReady[PORT_STDIN]) return;
    while (this.#input.length > 0) {
      const chain = queue.pop();
      if (chain === null) break;
      if (chain.readableBytes > 0) {
        queue.fail("a deviceReadable buffer in a receive queue");
        return;
      }
      let written = 0;
      while (this.#input.length > 0 && written < chain.writableBytes) {
        const chunk = this.#input[0] as Uint8Array;
        const size = chain.write(written, chunk);
        written += size;
        if (size === chunk.length) this.#input.shift();
        else this.#input[0] = chunk.subarray(size);
      }
      queue.push(chain, written);
    }
    queue.signal();
    if (this.#input.length > 0) return;
    if (this.#inputEnded) this.#sendInputEnd();
    else this.onInputDrain();
  }

  #sendInputEnd(): void {
    if (this.#portReady[PORT_STDIN]) this.#sendMessage(PORT_STDIN, VIRTIO_CONSOLE_PORT_OPEN, 0);
  }

  #readControl(): void {
    const queue = this.mmio.queues[QUEUE_CONTROL_TRANSMIT] as DeviceQueue;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      if (chain.readableBytes < CONTROL_BYTES) {
        queue.fail(`a control message of ${chain.readableBytes} bytes`);
        return;
      }
      const port = chain.getU32(0);
      const event = chain.getU16(4);
      const value = chain.getU16(6);
      queue.push(chain, 0);
      if (event === VIRTIO_CONSOLE_DEVICE_READY && value === 1) {
        for (let id = 0; id < PORT_COUNT; id++) this.#sendMessage(id, VIRTIO_CONSOLE_DEVICE_ADD, 1);
      } else if (event === VIRTIO_CONSOLE_PORT_READY && value === 1 && port < PORT_COUNT) this.#startPort(port);
    }
    queue.signal();
  }

  #startPort(port: number): void {
    if (this.#portReady[port]) return;
    this.#portReady[port] = true;
    if (port === PORT_STDOUT) this.#sendMessage(port, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
    this.#sendMessage(port, VIRTIO_CONSOLE_PORT_NAME, 1, PORT_NAMES[port]);
    const ended = port === PORT_STDIN ? this.#inputEnded && this.#input.length === 0 : !this.#outputs[port]?.open;
    this.#sendMessage(port, VIRTIO_CONSOLE_PORT_OPEN, ended ? 0 : 1);
    if (port === PORT_STDIN) this.#deliverInput();
  }

  #sendMessage(port: number, event: number, value: number, name = ""): void {
    if (this.#messages.length >= MESSAGES_MAX) {
      this.mmio.needsReset("the control receive queue is not served");
      return;
    }
    const text = encoder.encode(name);
    const message = new Uint8Array(CONTROL_BYTES + text.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, port, true);
    view.setUint16(4, event, true);
    view.setUint16(6, value, true);
    message.set(text, CONTROL_BYTES);
    this.#messages.push(message);
    this.#deliverMessages();
  }

  #deliverMessages(): void {
    const queue = this.mmio.queues[QUEUE_CONTROL_RECEIVE] as DeviceQueue;
    while (this.#messages.length > 0) {
      const chain = queue.pop();
      if (chain === null) break;
      const message = this.#messages.shift() as Uint8Array;
      queue.push(chain, chain.write(0, message));
    }
    queue.signal();
  }
}
