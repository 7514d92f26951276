/**
 * A WASI program that waits does nothing: no turn of the kernel is asked for until what it waits for has come. On a virtual clock.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { ClockDevice } from "../../../../host/devices/clock.ts";
import { VirtualClock } from "../../../../host/devices/clock-source.ts";
import { ConsoleDevice } from "../../../../host/devices/console.ts";
import { EntropyDevice } from "../../../../host/devices/entropy.ts";
import { NetDevice } from "../../../../host/devices/net.ts";
import { KERNEL_RAM_BYTES, type MachineEnd, MachineKernel } from "../../../../kernel/machine-kernel.ts";
import { GuestMemory } from "../../../../kernel/mem/guest-memory.ts";
import { PhysicalMemory } from "../../../../kernel/mem/physical.ts";
import { readModuleShape } from "../../../../kernel/shim/wasm-reader.ts";
import { I32 } from "../../../../kernel/shim/wasm-writer.ts";
import { loadWasiJs } from "../../../../kernel/syscall/wasi/wasi-js.ts";
import { type GuestImport, guestModule } from "../../personality/guest-module.ts";

const MODULE = "wasi_snapshot_preview1";
const imports: readonly GuestImport[] = [
  { module: MODULE, name: "poll_oneoff", parameters: [I32, I32, I32, I32], results: [I32] },
  { module: MODULE, name: "proc_exit", parameters: [I32], results: [] },
];
/** Stores a value, of 8 or 32 bits, at an address. */
const store8 = (address: number, value: number): number[] => [0x41, ...sleb(address), 0x41, ...sleb(value), 0x3a, 0, 0];
const store32 = (address: number, value: number): number[] => [
  0x41,
  ...sleb(address),
  0x41,
  ...sleb(value),
  0x36,
  0,
  0,
];

function sleb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    if ((rest >> 7 === 0 && (low & 0x40) === 0) || (rest >> 7 === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const SUBSCRIPTION = 1024;
const EVENT = 2048;
/** Waits for standard input, and with a time of that many nanoseconds if it is not 0; exits with the type of the first event + 10 * how many there were. */
function program(timeoutNs: number): Uint8Array<ArrayBuffer> {
  const count = timeoutNs === 0 ? 1 : 2;
  return guestModule(imports, [
    ...store8(SUBSCRIPTION + 8, 1),
    ...store32(SUBSCRIPTION + 48 + 16, 1), // the monotonic clock
    ...store32(SUBSCRIPTION + 48 + 24, timeoutNs),
    ...[SUBSCRIPTION, EVENT, count, 512].flatMap((value) => [0x41, ...sleb(value)]),
    ...[0x10, 0, 0x1a],
    ...[0x41, ...sleb(EVENT), 0x2d, 0, 10], // i32.load8_u offset=10
    ...[0x41, ...sleb(512), 0x28, 0, 0, 0x41, 10, 0x6c, 0x6a, 0x10, 1],
  ]);
}

class Machine {
  readonly time = new VirtualClock(1_700_000_000_000);
  readonly turns: (() => void)[] = [];
  end: MachineEnd | null = null;
  readonly console: ConsoleDevice;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const memory = new GuestMemory(new WebAssembly.Memory({ initial: 1 }));
    const physical = new PhysicalMemory(memory, KERNEL_RAM_BYTES);
    const log = (): void => {};
    const sink = { write: () => true, onDrain: () => {} };
    this.console = new ConsoleDevice(physical, { stdout: sink, stderr: sink, log });
    const net = new NetDevice(physical, { publish: new Map(), outbound: "none", log });
    const kernel = new MachineKernel(
      { name: "test", args: ["test"], env: [], memoryLimit: 2 ** 20 },
      physical,
      {
        clock: new ClockDevice(physical, { source: this.time, log }).mmio,
        entropy: new EntropyDevice(physical, { log }).mmio,
        console: this.console.mmio,
        net: net.mmio,
      },
      {
        defer: (turn) => void this.turns.push(turn),
        log,
        ended: (end) => {
          this.end = end;
          net.close();
        },
      },
    );
    const module = new WebAssembly.Module(bytes);
    const linked = kernel.linkWasi(module, readModuleShape(bytes), { preopens: [], ports: [], dialect: "standard" });
    const { exports } = new WebAssembly.Instance(module, linked);
    kernel.init.mem.attach(exports.memory as WebAssembly.Memory);
    kernel.start(exports);
  }

  /** Runs what has been asked for until nothing more is; how many turns that took. */
  async settle(): Promise<number> {
    for (let count = 0; ; count++) {
      await new Promise((resolve) => setImmediate(resolve)); // stacks hang and go on by promises
      const turn = this.turns.shift();
      if (!turn) return count;
      turn();
    }
  }
}

describe("a WASI program that waits", () => {
  beforeAll(loadWasiJs);

  it("is left alone until its time is up, which is when the earliest of its clocks says", async () => {
    const machine = new Machine(program(250_000_000));
    await machine.settle();
    for (const ms of [10, 100, 100, 39]) {
      machine.time.advance(ms);
      expect(await machine.settle()).toBe(0);
      expect(machine.end).toBeNull();
    }
    machine.time.advance(2);
    await machine.settle();
    expect(machine.end).toEqual({ code: 10, reason: null }); // one event, of a clock
  });

  it("is woken by its input before that", async () => {
    const machine = new Machine(program(250_000_000));
    await machine.settle();
    machine.time.advance(100);
    machine.console.input(Buffer.from("x"));
    await machine.settle();
    expect(machine.end).toEqual({ code: 11, reason: null });
  });

  it("waits for ever where there is no clock", async () => {
    const machine = new Machine(program(0));
    await machine.settle();
    machine.time.advance(1e9);
    expect(await machine.settle()).toBe(0);
    machine.console.input(Buffer.from("x"));
    await machine.settle();
    expect(machine.end?.code).toBe(11);
  });
});
