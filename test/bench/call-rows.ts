/** Rows: what a system call and a switch between threads cost, in the guest and on Linux. */
import { runGuestProgram } from "./guest-program.ts";
import { buildNativeCalls, type NativeCall, type NativeCalls, picosecondLines } from "./native.ts";
import { median, type Reading, type Row, reasonOf, type Side } from "./row.ts";

const measures: readonly { name: string; guest: string; native: NativeCall }[] = [
  { name: "null system call (getppid), callback", guest: "null-syscall-callback", native: "getppid" },
  { name: "null system call (getppid), thread", guest: "null-syscall-thread", native: "getppid" },
  { name: "thread switch (futex ping-pong)", guest: "switch-futex", native: "futex" },
  { name: "thread switch (sched_yield)", guest: "switch-yield", native: "yield" },
];

export async function callRows(wanted: (name: string) => boolean, progress: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  let native: NativeCalls | undefined;
  let nativeMissing = "";
  try {
    native = buildNativeCalls();
  } catch (error) {
    nativeMissing = reasonOf(error);
  }
  for (const measure of measures) {
    if (!wanted(measure.name)) continue;
    progress(measure.name);
    const readings: Partial<Record<Side, Reading>> = {};
    const missing: Partial<Record<Side, string>> = {};
    try {
      readings.guest = reading(picosecondLines(await runGuestProgram(measure.guest)));
    } catch (error) {
      missing.guest = reasonOf(error);
    }
    try {
      if (native) readings.native = reading(native.run(measure.native));
      else missing.native = nativeMissing;
    } catch (error) {
      missing.native = reasonOf(error);
    }
    rows.push({ group: "kernel", name: measure.name, unit: "ns", smallerIsBetter: true, readings, missing });
  }
  native?.remove();
  return rows;
}

function reading(rounds: number[]): Reading {
  return { value: median(rounds), rounds };
}
