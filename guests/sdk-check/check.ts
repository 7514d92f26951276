/**
 * What the checks report with.
 */
import { eprintln, exit, println } from "../lib/process";

let failures = 0;

/** Notes a failure unless `holds`. */
export function expect(holds: bool, claim: string): void {
  if (holds) return;
  failures++;
  if (failures <= 20) eprintln("failed: " + claim);
}

/** Notes a failure unless the two are equal. */
export function same<T>(actual: T, expected: T, claim: string): void {
  if (actual == expected) return;
  failures++;
  if (failures <= 20) eprintln("failed: " + claim + ": " + actual.toString() + " instead of " + expected.toString());
}

/** Prints the verdict and ends the guest. */
export function finish(name: string): void {
  if (failures == 0) println("ok " + name);
  exit(failures == 0 ? 0 : 1);
}
