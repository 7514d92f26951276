/**
 * The baseline's keyspace: a Map of values, a second Map of deadlines (most keys
 * have none), lazy expiry on access and an active cycle ten times a second.
 * `version` grows with every write while somebody WATCHes; WATCH compares it.
 */
import { Deque } from "./deque.ts";
import type { SortedSet } from "./sorted-set.ts";

export type Value = string | Deque | Map<string, string> | Set<string> | SortedSet;

export class Store {
  readonly values = new Map<string, Value>();
  readonly deadlines = new Map<string, number>();
  /** Keys that somebody watches, with the number of changes seen. */
  readonly watched = new Map<string, number>();

  get(key: string): Value | undefined {
    if (this.deadlines.size !== 0) this.expireIfDue(key);
    return this.values.get(key);
  }

  set(key: string, value: Value): void {
    this.values.set(key, value);
    if (this.watched.size !== 0) this.touch(key);
  }

  delete(key: string): boolean {
    if (this.deadlines.size !== 0) this.deadlines.delete(key);
    if (this.watched.size !== 0) this.touch(key);
    return this.values.delete(key);
  }

  clear(): void {
    for (const key of this.watched.keys()) this.touch(key);
    this.values.clear();
    this.deadlines.clear();
  }

  touch(key: string): void {
    const changes = this.watched.get(key);
    if (changes !== undefined) this.watched.set(key, changes + 1);
  }

  expireIfDue(key: string): void {
    const deadline = this.deadlines.get(key);
    if (deadline !== undefined && deadline <= Date.now()) this.delete(key);
  }

  /** Redis' idea of an active cycle: sample, and go on while much of the sample was due. */
  expireCycle(): void {
    const now = Date.now();
    const untilMs = now + 5;
    let seen = 0;
    let due = 0;
    for (const [key, deadline] of this.deadlines) {
      if (deadline <= now) {
        this.delete(key);
        due++;
      }
      if (++seen % 200 === 0) {
        if (due < 20 || Date.now() > untilMs) return;
        due = 0;
      }
    }
  }
}

export function typeName(value: Value): string {
  if (typeof value === "string") return "string";
  if (value instanceof Deque) return "list";
  if (value instanceof Map) return "hash";
  if (value instanceof Set) return "set";
  return "zset";
}
