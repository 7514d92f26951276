/**
 * Clients that wait for keys (BLPOP and its kin) or for a time (WAIT).
 *
 * A blocking handler tries first. When there is nothing it calls `blockOnKeys(c, firstArg, count, timeoutMs, type)` and returns without
 * a reply. When one of the keys comes to hold a value of `type`, the same command is run again (flag CLIENT_REEXECUTING) with
 * `readyKey`/`readyKeyLen` naming that key: the handler must look at that key only, and either reply or block again (the client then keeps
 * its place in the queue). Clients are served in the order in which they blocked. A timeout sends the null that `type` calls for.
 *
 * Readiness is signalled by dbAdd/dbSet (the key appeared); a type that can grow without a dbAdd needs no signal, as a non-empty key has no waiters.
 */
import { Client } from "./client";

/** Not 0 while a blocked command runs again: the key that became ready. */
export let readyKey: usize = 0;
export let readyKeyLen: u32 = 0;

export function blockOnKeys(c: Client, firstArg: i32, count: i32, timeoutMs: f64, type: u32): void {}
/** Called by the keyspace when a key appears. */
export function signalReady(db: u32, entry: usize): void {}
