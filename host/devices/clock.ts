/**
 * The clock device (see kernel/virtio/clock.ts for its registers and page), on the host's clocks or on a virtual one.
 *
 * One alarm is armed at a time. The source's timer is left alone when the new deadline is later: it then goes off early, finds
 * nothing due and is set again, which is cheaper than moving it for every change.
 */
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../../kernel/mem/physical.ts";
import {
  CLOCK_CONFIG_ARM,
  CLOCK_CONFIG_BYTES,
  CLOCK_CONFIG_LATCH,
  CLOCK_CONFIG_PAGE,
  CLOCK_PAGE_BYTES,
  CLOCK_PAGE_DEADLINE,
  CLOCK_PAGE_MONOTONIC,
  CLOCK_PAGE_REALTIME,
} from "../../kernel/virtio/clock.ts";
import { VIRTIO_ID_CLOCK } from "../../kernel/virtio/transport.ts";
import type { DeviceQueue } from "../queue/device-queue.ts";
import { type Backend, MmioDevice } from "../queue/mmio-device.ts";
import { type ClockSource, HostClock } from "./clock-source.ts";

export interface ClockDeviceOptions {
  readonly source?: ClockSource;
  readonly log?: (line: string) => void;
}

export class ClockDevice implements Backend {
  readonly mmio: MmioDevice;
  readonly #memory: PhysicalMemory;
  readonly #source: ClockSource;
  readonly #bootMs: number;
  #page: Float64Array | null = null;
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** For when the source's timer is set (our monotonic ms), Infinity if it is not. */
  #timerMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(memory: PhysicalMemory, options: ClockDeviceOptions = {}) {
    this.#memory = memory;
    this.#source = options.source ?? new HostClock();
    this.#bootMs = this.#source.monotonicMs();
    this.mmio = new MmioDevice(memory, this, {
      name: "clock",
      deviceId: VIRTIO_ID_CLOCK,
      queueSizes: [4],
      config: new Uint8Array(CLOCK_CONFIG_BYTES),
      configWritableBytes: CLOCK_CONFIG_BYTES,
      ...(options.log && { log: options.log }),
    });
  }

  configWritten(offset: number, _value: number): void {
    if (offset === CLOCK_CONFIG_LATCH) {
      const page = this.#page;
      if (page === null) return;
      const now = this.#source.monotonicMs();
      page[CLOCK_PAGE_MONOTONIC / 8] = now - this.#bootMs;
      page[CLOCK_PAGE_REALTIME / 8] = this.#source.realtimeMs(now);
    } else if (offset === CLOCK_CONFIG_ARM) {
      if (this.#page === null) return;
      const deadline = this.#page[CLOCK_PAGE_DEADLINE / 8] as number;
      this.#deadlineMs = Number.isNaN(deadline) ? Number.POSITIVE_INFINITY : deadline;
      this.#arm();
    } else if (offset === CLOCK_CONFIG_PAGE + 4) this.#attachPage();
  }

  /** The driver offers the alarm buffer. */
  notify(_index: number): void {
    if (this.#deadlineMs <= this.#nowMs()) this.#expire();
  }

  reset(): void {
    this.#page = null;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#source.cancel();
  }

  /** The machine is over: no timer of it keeps the host process alive, and none is set any more. */
  stop(): void {
    this.#stopped = true;
    this.reset();
  }

  #nowMs(): number {
    return this.#source.monotonicMs() - this.#bootMs;
  }

  #attachPage(): void {
    const low = this.mmio.readConfig(CLOCK_CONFIG_PAGE, 4) >>> 0;
    const address = low + (this.mmio.readConfig(CLOCK_CONFIG_PAGE + 4, 4) >>> 0) * 2 ** 32;
    if (address < KERNEL_RAM_BASE || address % 8 !== 0 || !this.#memory.has(address, CLOCK_PAGE_BYTES)) {
      this.#page = null;
      this.mmio.needsReset("the clock page is not in kernel RAM");
      return;
    }
    const buffer = this.#memory.kernelBytes.buffer;
    this.#page = new Float64Array(buffer, address - KERNEL_RAM_BASE, CLOCK_PAGE_BYTES / 8);
  }

  #arm(): void {
    if (this.#stopped || this.#deadlineMs >= this.#timerMs) return;
    this.#timerMs = this.#deadlineMs;
    this.#source.schedule(this.#deadlineMs + this.#bootMs, this.#wentOff);
  }

  readonly #wentOff = (): void => {
    this.#timerMs = Number.POSITIVE_INFINITY;
    if (this.#deadlineMs === Number.POSITIVE_INFINITY) return;
    if (this.#deadlineMs <= this.#nowMs()) this.#expire();
    else this.#arm();
  };

  /** The deadline has passed. Without a buffer the alarm stays due until the driver offers one. */
  #expire(): void {
    const queue = this.mmio.queues[0] as DeviceQueue;
    const chain = queue.pop();
    if (chain === null) return;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    const moment = new Uint8Array(Float64Array.of(this.#nowMs()).buffer);
    queue.push(chain, chain.write(0, moment));
    queue.signal();
  }
}
