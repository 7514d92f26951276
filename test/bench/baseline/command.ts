/**
 * What a baseline command is: a function from its arguments (the name is at 0) to the
 * encoded reply. `arity` as in Redis' COMMAND: the exact count, or the
 * negated minimum.
 */
import type { Store } from "./store.ts";

export interface Session {
  readonly store: Store;
  /** Commands queued since MULTI; undefined outside a transaction. */
  queue: string[][] | undefined;
  queueBroken: boolean;
  /** Watched keys with the number of changes at the time of WATCH. */
  watching: Map<string, number> | undefined;
  closing: boolean;
}

export interface Command {
  readonly name: string;
  readonly arity: number;
  readonly run: (args: string[], session: Session) => string;
}

export function command(name: string, arity: number, run: Command["run"]): Command {
  return { name, arity, run };
}

const integerPattern = /^(?:0|-?[1-9]\d{0,18})$/;

/** A decimal integer, exact within 2^53; undefined otherwise. */
export function parseInteger(text: string): number | undefined {
  if (text.length <= 9) {
    // The usual case by hand: no expression, no Number().
    let value = 0;
    const negative = text.charCodeAt(0) === 45;
    const start = negative ? 1 : 0;
    if (text.length === start) return undefined;
    for (let index = start; index < text.length; index++) {
      const digit = text.charCodeAt(index) - 48;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10 + digit;
    }
    if (text.charCodeAt(start) === 48 && text.length > 1) return undefined;
    return negative ? -value : value;
  }
  if (!integerPattern.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function parseFloatExact(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (text === "" || text.trim() !== text) return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

export function formatFloat(value: number): string {
  if (value === Infinity) return "inf";
  return value === -Infinity ? "-inf" : String(value);
}
