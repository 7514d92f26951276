/**
 * The embedding API: `import { boot } from 'ringzero'`.
 */

export { boot } from "./boot.ts";
export { type AnswerOptions, CallError, type CallErrorCode, type Caller, type CallRequest } from "./caller.ts";
export type { ExitStatus, Machine, StopOptions } from "./machine.ts";
export type { BootOptions, PublishTarget, ShardedBootOptions, VolumeSource } from "./options.ts";
export type { ShardedMachine } from "./shards/sharded-machine.ts";
export { UsageError } from "./usage-error.ts";
