/**
 * Shared mappings against a model: three processes map, write, read, resize and sync one file in random order, and everybody always sees what
 * an array of bytes would show. Prints its seed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FsDevice } from "../../../host/devices/fs.ts";
import { AT_FDCWD, O_APPEND, O_CREAT, O_RDWR } from "../../../kernel/abi/fcntl.ts";
import { MAP_FIXED, MAP_SHARED, MREMAP_MAYMOVE, MS_ASYNC, PROT_READ, PROT_WRITE } from "../../../kernel/abi/mman.ts";
import { mountVirtioFs } from "../../../kernel/fs/fuse/mount.ts";
import type { Process } from "../../../kernel/process/process.ts";
import { type Random, randomFor } from "../../random.ts";
import { BUFFER, LinuxMachine } from "../process/linux-fixture.ts";

const PAGE = 4096;
const PAGES = 6;
const STEPS = 1500;
const RW = PROT_READ | PROT_WRITE;

interface View {
  readonly process: Process;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

class Simulation {
  readonly machine: LinuxMachine;
  readonly random: Random;
  readonly processes: Process[];
  readonly fd: number;
  readonly appending: number;
  /** What the file holds. */
  file = new Uint8Array(0);
  views: View[] = [];

  constructor(machine: LinuxMachine, folder: string, random: Random) {
    this.machine = machine;
    this.random = random;
    this.fd = machine.must("openat", AT_FDCWD, `${folder}/file`, O_RDWR | O_CREAT, 0o644);
    this.appending = machine.must("openat", AT_FDCWD, `${folder}/file`, O_RDWR | O_APPEND, 0);
    this.processes = [machine.process, machine.fork(), machine.fork()];
    this.resize(machine.process, 3 * PAGE);
  }

  call(process: Process, name: string, ...args: number[]): number {
    const result = this.machine.callOf(process, name, ...args);
    if (typeof result === "string") throw new Error(`${name}: ${result}`);
    return result;
  }

  step(): void {
    const { random } = this;
    const process = random.pick(this.processes);
    const own = this.views.filter((view) => view.process === process);
    const offset = random.below(PAGES * PAGE);
    switch (random.below(12)) {
      case 0:
      case 1:
        this.map(process, random.below(PAGES), 1 + random.below(3));
        break;
      case 2:
        if (own.length > 0) this.unmap(random.pick(own));
        break;
      case 3:
      case 4:
      case 5:
      case 6:
        if (own.length > 0) this.writeView(random.pick(own));
        break;
      case 7:
        this.writeFile(process, offset);
        break;
      case 8:
        if (random.oneIn(3)) this.append(process);
        else this.resize(process, random.below(PAGES * PAGE));
        break;
      case 9:
        if (own.length > 0) this.call(process, "msync", random.pick(own).address, PAGE, MS_ASYNC);
        break;
      case 10:
        if (own.length > 0) this.move(random.pick(own));
        break;
      default:
        this.replaceChild();
    }
    this.check(this.processes.includes(process) ? process : this.machine.process);
  }

  map(process: Process, page: number, pages: number): void {
    const size = pages * PAGE;
    const offset = page * PAGE;
    const address = this.call(process, "mmap", 0, size, RW, MAP_SHARED, this.fd, offset);
    const alone = !this.views.some(
      (view) => view.process === process && view.address < address + size && view.address + view.size > address,
    );
    this.views.push({ process, address, offset, size });
    // The same again over it: what was there goes, and what was written stays.
    if (alone) this.call(process, "mmap", address, size, RW, MAP_SHARED | MAP_FIXED, this.fd, offset);
  }

  unmap(view: View): void {
    this.call(view.process, "munmap", view.address, view.size);
    this.views.splice(this.views.indexOf(view), 1);
  }

  move(view: View): void {
    const { process, offset, size } = view;
    const grown = size + PAGE;
    // What others of the process use as well stays where it is; a view in several parts cannot be moved.
    const address = this.machine.callOf(process, "mremap", view.address, size, grown, MREMAP_MAYMOVE, 0);
    if (typeof address === "string") return;
    this.views.splice(this.views.indexOf(view), 1);
    this.views.push({ process, address, offset, size: grown });
  }

  writeView({ process, address, offset, size }: View): void {
    this.call(process, "getpid");
    const at = this.random.below(size);
    const length = Math.min(1 + this.random.below(20), size - at);
    const bytes = Uint8Array.from({ length }, () => this.random.below(256));
    process.mem.u8.set(bytes, address + at);
    const inFile = Math.max(0, Math.min(length, this.file.length - (offset + at)));
    this.file.set(bytes.subarray(0, inFile), Math.min(offset + at, this.file.length));
  }

  writeFile(process: Process, offset: number): void {
    const length = 1 + this.random.below(3 * PAGE);
    process.mem.u8.fill(this.random.below(256), BUFFER, BUFFER + length);
    const bytes = process.mem.u8.slice(BUFFER, BUFFER + length);
    this.call(process, "pwrite64", this.fd, BUFFER, length, offset);
    this.put(bytes, offset);
  }

  append(process: Process): void {
    process.mem.u8.fill(this.random.below(256), BUFFER, BUFFER + 100);
    const bytes = process.mem.u8.slice(BUFFER, BUFFER + 100);
    this.call(process, "write", this.appending, BUFFER, 100);
    this.put(bytes, this.file.length);
  }

  put(bytes: Uint8Array, offset: number): void {
    if (offset + bytes.length > this.file.length) this.setSize(offset + bytes.length);
    this.file.set(bytes, offset);
  }

  resize(process: Process, size: number): void {
    this.call(process, "ftruncate", this.fd, size);
    this.setSize(size);
  }

  setSize(size: number): void {
    const file = new Uint8Array(size);
    file.set(this.file.subarray(0, size));
    this.file = file;
  }

  /** One of the children ends, and another is forked from one of the rest. */
  replaceChild(): void {
    if (!this.random.oneIn(5)) return;
    const ended = this.processes.pop() as Process;
    expect(() => this.machine.thread(ended).call("exit_group", 0)).toThrow();
    this.views = this.views.filter(({ process }) => process !== ended);
    const parent = this.random.pick(this.processes);
    this.call(parent, "getpid");
    const child = this.machine.fork(parent);
    for (const view of this.views.filter(({ process }) => process === parent)) {
      this.views.push({ ...view, process: child });
    }
    this.processes.push(child);
  }

  /** What a process sees when it runs, in its views and in the file. */
  check(process: Process): void {
    this.call(process, "getpid");
    for (const view of this.views) {
      if (view.process !== process) continue;
      const shown = Math.max(0, Math.min(view.size, this.file.length - view.offset));
      const seen = process.mem.u8.subarray(view.address, view.address + shown);
      this.same(seen, this.file.subarray(view.offset, view.offset + shown), `view at ${view.offset}`);
    }
    const length = Math.min(2 * PAGE, this.file.length);
    const offset = this.random.below(this.file.length - length + 1);
    expect(this.call(process, "pread64", this.fd, BUFFER, length, offset)).toBe(length);
    const read = process.mem.u8.subarray(BUFFER, BUFFER + length);
    this.same(read, this.file.subarray(offset, offset + length), "file");
  }

  same(seen: Uint8Array, wanted: Uint8Array, what: string): void {
    const at = seen.findIndex((byte, i) => byte !== wanted[i]);
    if (at >= 0) throw new Error(`${what}: byte ${at} is ${seen[at]}, not ${wanted[at]}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "ringzero-map-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("shared mappings, compared with a model", () => {
  for (const volume of [false, true]) {
    it(`agree on ${volume ? "virtio-fs" : "ramfs"}`, () => {
      const random = randomFor("shared mappings");
      const machine = new LinuxMachine();
      const device = volume ? new FsDevice(machine.physical, { folder }) : null;
      if (device) machine.machine.attach(device.mmio, mountVirtioFs(machine.process, device.mmio, "/mnt", false));
      const simulation = new Simulation(machine, volume ? "/mnt" : "/tmp", random);
      for (let step = 0; step < STEPS; step++) {
        try {
          simulation.step();
        } catch (error) {
          throw new Error(`step ${step}: ${(error as Error).message}`, { cause: error });
        }
      }
      expect(machine.lines.filter((line) => line.startsWith("mmap"))).toEqual([]);
      device?.close();
    });
  }
});
