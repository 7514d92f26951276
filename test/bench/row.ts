/**
 * One line of the benchmark: a measure, what each of the three sides reached, and why a side is missing.
 * `value` is what ratios are made of; `detail` is what the table shows instead of it where one number is not enough.
 */
export type Side = "guest" | "baseline" | "native";
export const sides: readonly Side[] = ["guest", "baseline", "native"];

export interface Reading {
  readonly value: number;
  readonly detail?: string;
  /** Every round's value, in the order measured. */
  readonly rounds?: readonly number[];
}

export interface Row {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  /** Whether a smaller number is the better one. */
  readonly smallerIsBetter: boolean;
  readonly readings: Partial<Record<Side, Reading>>;
  /** What could not be measured and why, one entry a side. Sides that do not belong to the row are not listed. */
  readonly missing: Partial<Record<Side, string>>;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function ratio(row: Row, to: Side): number | undefined {
  const ours = row.readings.guest?.value;
  const theirs = row.readings[to]?.value;
  return ours === undefined || theirs === undefined || theirs === 0 ? undefined : ours / theirs;
}

export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .slice(0, 300);
}
