/**
 * The clock driver: where all time in the machine comes from.
 *
 * virtio 1.2 reserves device ID 17 for a clock and says no more (virtio-rtc came later and reads the time through a request queue: too
 * dear for a call that a guest makes several times per request). Ours, as kernel/virtio/README.md has it:
 *
 *     config 0x00  u64  address of the clock page (kernel RAM, 8-aligned)                 written by the driver, once
 *     config 0x08  u32  latch: a write makes the device write both times into the page    written by the driver
 *     config 0x0c  u32  arm: a write makes the device take the deadline from the page     written by the driver
 *     page   0x00  f64  monotonic milliseconds since the device was made                  written by the device
 *     page   0x08  f64  real-time milliseconds since the epoch                            written by the device
 *     page   0x10  f64  deadline in monotonic milliseconds, Infinity for none             written by the driver
 *     queue  0     one deviceWritable buffer of 8 bytes: used when the deadline has passed, with the f64 of that moment in it.
 *                  That used buffer is the timer interrupt.
 *
 * A deadline replaces the one before; it never fires early. The monotonic time a driver sees never goes back.
 */
import type { Kernel } from "../kernel.ts";
import { KERNEL_RAM_BASE, type PhysicalMemory } from "../mem/physical.ts";
import { VirtioDriver } from "./driver.ts";
import { type Transport, VIRTIO_ID_CLOCK } from "./transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

export const CLOCK_CONFIG_PAGE = 0x00;
export const CLOCK_CONFIG_LATCH = 0x08;
export const CLOCK_CONFIG_ARM = 0x0c;
export const CLOCK_CONFIG_BYTES = 16;
export const CLOCK_PAGE_MONOTONIC = 0x00;
export const CLOCK_PAGE_REALTIME = 0x08;
export const CLOCK_PAGE_DEADLINE = 0x10;
export const CLOCK_PAGE_BYTES = 24;
const ALARM_BYTES = 8;

export class ClockDriver {
  readonly #virtio: VirtioDriver;
  readonly #transport: Transport;
  readonly #alarms: Virtqueue;
  readonly #alarmBuffer: number;
  /** The clock page as three f64. */
  readonly #page: Float64Array;
  #lastMonotonicMs = 0;
  /** What clock_settime(2) has put between the host's real time and the machine's. */
  #realtimeOffsetMs = 0;

  constructor(memory: PhysicalMemory, transport: Transport) {
    this.#transport = transport;
    this.#virtio = new VirtioDriver(memory, transport, { name: "clock", deviceId: VIRTIO_ID_CLOCK });
    this.#alarms = this.#virtio.queue(0, 4);
    const page = memory.allocate(CLOCK_PAGE_BYTES, 8);
    this.#page = new Float64Array(memory.kernelBytes.buffer, page - KERNEL_RAM_BASE, CLOCK_PAGE_BYTES / 8);
    this.#page[CLOCK_PAGE_DEADLINE / 8] = Number.POSITIVE_INFINITY;
    this.#alarmBuffer = memory.allocate(ALARM_BYTES, 8);
    transport.writeConfig(CLOCK_CONFIG_PAGE, 4, page >>> 0);
    transport.writeConfig(CLOCK_CONFIG_PAGE + 4, 4, Math.floor(page / 2 ** 32));
    this.#virtio.ready();
    this.#offerAlarmBuffer();
  }

  /** Milliseconds with a fraction since the machine's clock device was made; never less than before. */
  monotonicMs(): number {
    this.#transport.writeConfig(CLOCK_CONFIG_LATCH, 4, 1);
    const now = this.#page[CLOCK_PAGE_MONOTONIC / 8] as number;
    // A device that stops, steps back or writes NaN must not make timers run backwards.
    if (now > this.#lastMonotonicMs) this.#lastMonotonicMs = now;
    return this.#lastMonotonicMs;
  }

  /** Milliseconds with a fraction since the epoch, as the host has it unless it was set: it may be stepped. */
  realtimeMs(): number {
    this.#transport.writeConfig(CLOCK_CONFIG_LATCH, 4, 1);
    return (this.#page[CLOCK_PAGE_REALTIME / 8] as number) + this.#realtimeOffsetMs;
  }

  /** From now on real time is counted from `ms`, for this machine alone. */
  setRealtime(ms: number): void {
    this.#realtimeOffsetMs += ms - this.realtimeMs();
  }

  /** Both times of one moment into `into[0]` (monotonic) and `into[1]` (real time). */
  nowInto(into: Float64Array): void {
    into[0] = this.monotonicMs();
    into[1] = (this.#page[CLOCK_PAGE_REALTIME / 8] as number) + this.#realtimeOffsetMs;
  }

  /** Asks for an interrupt once `deadlineMs` (monotonic) has passed, instead of the one asked for before; Infinity: none. */
  setAlarm(deadlineMs: number): void {
    this.#page[CLOCK_PAGE_DEADLINE / 8] = deadlineMs;
    this.#transport.writeConfig(CLOCK_CONFIG_ARM, 4, 1);
  }

  handleInterrupt(kernel: Kernel): void {
    this.#virtio.acknowledge(kernel);
    while (this.#alarms.popUsed()) this.#offerAlarmBuffer();
  }

  #offerAlarmBuffer(): void {
    this.#alarms.begin();
    this.#alarms.addWritable(this.#alarmBuffer, ALARM_BYTES);
    this.#alarms.submit(0);
    this.#alarms.kick();
  }
}
