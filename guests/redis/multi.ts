/** MULTI/EXEC/DISCARD and WATCH. */
import { Client } from "./client";

/** Marks every client that watches the key: its EXEC will fail. */
export function touchWatched(db: u32, key: usize, n: u32): void {}
