/**
 * Resource limits (getrlimit(2)): kept and reported; RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_NPROC and RLIMIT_AS have an effect. Values are bytes or counts, Infinity
 * for RLIM_INFINITY.
 */
import { FD_MAX } from "../fs/fd-table.ts";
import { QUEUED_MAX } from "./pending-signals.ts";

export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_AS = 9;
export const RLIMIT_SIGPENDING = 11;
/** Resources are numbered 0 to 15. */
export const RLIM_NLIMITS = 16;
const STACK_BYTES = 8 * 1024 * 1024;

export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

export class ResourceLimits {
  readonly #limits: ResourceLimit[];

  constructor(memoryLimit: number, from: ResourceLimits | null) {
    if (from) {
      this.#limits = from.#limits.slice();
      return;
    }
    const unlimited = { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
    this.#limits = new Array<ResourceLimit>(RLIM_NLIMITS).fill(unlimited);
    this.#limits[RLIMIT_STACK] = { soft: STACK_BYTES, hard: Number.POSITIVE_INFINITY };
    this.#limits[RLIMIT_CORE] = { soft: 0, hard: Number.POSITIVE_INFINITY };
    this.#limits[RLIMIT_NPROC] = { soft: FD_MAX, hard: FD_MAX };
    this.#limits[RLIMIT_NOFILE] = { soft: FD_MAX, hard: FD_MAX };
    this.#limits[RLIMIT_MEMLOCK] = { soft: memoryLimit, hard: memoryLimit };
    this.#limits[RLIMIT_SIGPENDING] = { soft: QUEUED_MAX, hard: QUEUED_MAX };
  }

  get(resource: number): ResourceLimit {
    return this.#limits[resource] as ResourceLimit;
  }

  /** RLIMIT_NPROC: threads of one process. */
  get threadsMax(): number {
    return this.get(RLIMIT_NPROC).soft;
  }

  /** RLIMIT_NOFILE: one more than the highest descriptor. */
  get openFilesMax(): number {
    return Math.min(FD_MAX, this.get(RLIMIT_NOFILE).soft);
  }

  /** RLIMIT_FSIZE: bytes that a write may make a file grow to. */
  get fileBytesMax(): number {
    return this.get(RLIMIT_FSIZE).soft;
  }

  set(resource: number, limit: ResourceLimit): void {
    this.#limits[resource] = limit;
  }
}
