/**
 * A kernel with a network, a ramfs with /run and /tmp, and nothing else, on a real network device: tests make system calls on it as a guest would, and the turn runs
 * from the event loop as in a machine. What a ring guest would see is collected in `events`.
 */
import { ClockDevice } from "../../../host/devices/clock.ts";
import { NetDevice, type NetDeviceOptions } from "../../../host/devices/net.ts";
import { FdTable } from "../../../kernel/fs/fd-table.ts";
import { RamFs } from "../../../kernel/fs/ramfs.ts";
import { Vfs } from "../../../kernel/fs/vfs.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { GuestMemory } from "../../../kernel/mem/guest-memory.ts";
import { PhysicalMemory } from "../../../kernel/mem/physical.ts";
import { NetworkStack } from "../../../kernel/net/network-stack.ts";
import { Credentials } from "../../../kernel/process/credentials.ts";
import { FsContext } from "../../../kernel/process/fs-context.ts";
import { RING_DATAGRAM, RING_RECV } from "../../../kernel/ring/event-queue.ts";
import type { Ring } from "../../../kernel/ring/ring.ts";
import { Scheduler } from "../../../kernel/sched/scheduler.ts";
import { TASK_READY, TASK_RUNNING, Task, WOULD_BLOCK } from "../../../kernel/sched/task.ts";
import { Timers } from "../../../kernel/sched/timers.ts";
import type { WaitQueue } from "../../../kernel/sched/wait-queue.ts";
import { sys_ring_buffers, sys_ring_setup } from "../../../kernel/syscall/ring.ts";
import { ClockDriver } from "../../../kernel/virtio/clock.ts";
import { ADDRESS_SLOT_BYTES } from "../../../kernel/virtio/socket-protocol.ts";
import type { Transport } from "../../../kernel/virtio/transport.ts";

/** Where the tests put things in the guest's memory. */
export const ADDRESS = 1024;
export const LENGTH = 2048;
export const BUFFER = 65536;
export const BUFFER_BYTES = 1 << 20;
const EVENTS = 4096;
const EVENTS_MAX = 64;
const RING_BUFFERS = 2 << 20;

export interface SeenEvent {
  readonly kind: number;
  readonly fd: number;
  readonly user: number;
  readonly result: number;
  /** What a RECV or DATAGRAM event points to. */
  readonly bytes: Buffer;
  /** Of a DATAGRAM event: the sender's address in its slot. */
  readonly slot: Buffer;
}

export class NetKernel implements Kernel {
  readonly shards = null;
  readonly boot = { name: "test", args: ["test"], env: [], memoryLimit: 2 ** 32 };
  readonly mem = new GuestMemory(new WebAssembly.Memory({ initial: 64 }));
  readonly physical = new PhysicalMemory(this.mem, 4 * 1024 * 1024);
  readonly timers = new Timers();
  readonly #times = new Float64Array(2);
  readonly fds = new FdTable();
  readonly clock: ClockDriver = new ClockDriver(this.physical, new ClockDevice(this.physical).mmio);
  readonly scheduler = new Scheduler(this.timers, {
    nowMs: () => this.clock.monotonicMs(),
    requestTurn: () => this.requestTurn(),
    goesOn: () => false,
    switchedTo: () => {},
    called: () => {},
    idle: () => {},
    taskEnded: () => {},
  });
  readonly vfs: Vfs = new Vfs(new RamFs(this, 1 << 20));
  readonly fs = new FsContext(this.vfs.root);
  ring: Ring | null = null;
  readonly device: NetDevice;
  readonly net: NetworkStack;
  readonly lines: string[] = [];
  readonly events: SeenEvent[] = [];
  /** Called in each dispatch, as the guest would be. */
  onEvent: (event: SeenEvent) => void = () => {};
  turns = 0;
  #driver: { handleInterrupt(k: Kernel): void } | null = null;
  #interrupted = false;
  readonly pid = 1;
  readonly ppid = 0;
  readonly credentials = new Credentials(null);
  readonly processes = new Map([[1, this as Kernel]]);
  readonly linux = null;
  readonly futexes = new Map<number, WaitQueue>();
  readonly tasks = new Set<Task>();
  readonly threadCount = 1;
  #requested = false;
  #stopped = false;

  constructor(options: NetDeviceOptions = {}, replace: ((physical: PhysicalMemory) => Transport) | null = null) {
    this.device = new NetDevice(this.physical, { ...options, log: (line) => this.lines.push(line) });
    for (const folder of ["/run", "/tmp"]) this.vfs.mkdirs(this, folder);
    const transport = replace ? replace(this.physical) : this.device.mmio;
    this.net = this.#attach(transport, new NetworkStack(this, transport));
  }

  #attach<Driver extends { handleInterrupt(k: Kernel): void }>(transport: Transport, driver: Driver): Driver {
    this.#driver = driver;
    transport.onInterrupt = () => {
      this.#interrupted = true;
      this.requestTurn();
    };
    return driver;
  }

  get current(): Task {
    return this.scheduler.current;
  }
  block(queue: WaitQueue | null, timeoutMs = -1): number {
    return this.scheduler.block(queue ? [queue] : [], timeoutMs);
  }
  blockOnAll(queues: readonly WaitQueue[], timeoutMs = -1): number {
    return this.scheduler.block(queues, timeoutMs);
  }
  timedOut(): boolean {
    return this.scheduler.timedOut();
  }
  guestExport(): null {
    return null;
  }
  exit(): never {
    throw new Error("nothing exits in this test");
  }
  log(line: string): void {
    this.lines.push(line);
  }
  get entropy(): never {
    throw new Error("no entropy in this test");
  }
  get console(): never {
    throw new Error("no console in this test");
  }

  requestTurn(): void {
    if (this.#requested || this.#stopped) return;
    this.#requested = true;
    setImmediate(() => this.turn());
  }

  turn(): void {
    this.#requested = false;
    if (this.#stopped) return;
    this.turns++;
    if (this.#interrupted) {
      this.#interrupted = false;
      this.#driver?.handleInterrupt(this);
    }
    this.timers.fireDue(this, this.clock.monotonicMs());
    if (this.ring !== null && this.ring.pending > 0) {
      this.clock.nowInto(this.#times);
      this.ring.dispatch(this, this.#times, (count) => this.#dispatched(count));
    }
    if (this.timers.length > 0) setTimeout(() => this.requestTurn(), 1);
  }

  /** From now on calls are made as if from a thread's stack, which parks with each tick of the event loop: short writes are gathered. */
  gather(): void {
    Object.defineProperty(this.scheduler, "runsStack", { value: true });
    const idle = (): void => {
      if (this.#stopped) return;
      this.net.sendGathered();
      setImmediate(idle);
    };
    setImmediate(idle);
  }

  /** Sets the completion ring up, with `count` receive buffers of `size` bytes. */
  startRing(size = 4096, count = 16): void {
    if (sys_ring_setup(this, EVENTS, EVENTS_MAX) !== 0) throw new Error("ring_setup");
    if (count > 0 && sys_ring_buffers(this, RING_BUFFERS, size, count) !== 0) throw new Error("ring_buffers");
  }

  /** Runs `call` in a thread of its own: it parks and is tried again until it has its result. */
  async wait(call: () => number): Promise<number> {
    const task = new Task(1000 + this.turns, true, this.scheduler);
    for (;;) {
      task.state = TASK_RUNNING;
      const before = this.scheduler.current;
      this.scheduler.current = task;
      const result = call();
      this.scheduler.current = before;
      if (result !== WOULD_BLOCK) return result;
      while ((task.state as number) !== TASK_READY) {
        this.timers.fireDue(this, this.clock.monotonicMs());
        await tick();
      }
      task.retrying = true;
    }
  }

  /** Waits until `condition` holds. */
  async until(condition: () => boolean, what = "something"): Promise<void> {
    const end = Date.now() + 5000;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      await tick();
    }
  }

  stop(): void {
    this.fds.closeAll(this);
    this.net.shutdown(this);
    this.#stopped = true;
    this.device.close();
  }

  #dispatched(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = (EVENTS + i * 32) / 4;
      const word = (index: number): number => this.mem.i32[at + index] as number;
      const slice = (from: number, to: number): Buffer => Buffer.from(this.mem.u8.slice(from, to));
      const isDatagram = word(0) === RING_DATAGRAM;
      const event = {
        kind: word(0),
        fd: word(1),
        user: word(2),
        result: word(3),
        bytes: word(0) === RING_RECV || isDatagram ? slice(word(4), word(4) + word(3)) : Buffer.alloc(0),
        slot: isDatagram ? slice(word(4) - ADDRESS_SLOT_BYTES, word(4)) : Buffer.alloc(0),
      };
      this.events.push(event);
      this.onEvent(event);
    }
  }
}

export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Writes a sockaddr_in at ADDRESS; its length. */
export function putAddress(k: NetKernel, port: number, host: readonly number[] = [127, 0, 0, 1]): number {
  k.mem.u8.fill(0, ADDRESS, ADDRESS + 16);
  k.mem.u8.set([2, 0, port >> 8, port & 0xff, ...host], ADDRESS);
  return 16;
}
