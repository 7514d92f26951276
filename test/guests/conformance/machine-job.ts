/**
 * What machine-pool.ts and machine-child.ts tell each other: one program to run, and how it ended.
 */
import type { ProgramEnd } from "./program-end.ts";

export interface MachineJob {
  /** The path of the module. */
  readonly module: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute guest path to host folder. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Of WASI programs: BootOptions.preopens. */
  readonly preopens?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly wasi?: "standard" | "node";
  readonly name?: string;
}

/** What the pool sends: a job, or the wish to know how far it got, after which the machine is ended. */
export type MachineRequest = { readonly run: MachineJob } | { readonly give: "up" };

export type MachineReply = Omit<ProgramEnd, "tookMs">;
