/**
 * A machine: kernel, guest and devices put together. The composition root, and the only file that imports both sides.
 */
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { GuestMemory } from "../kernel/mem/guest-memory.ts";
import { KILLED, MachineKernel, type MachineEnd } from "../kernel/machine-kernel.ts";
