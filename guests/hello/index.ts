/**
 * hello: says what it was started with. The smallest whole guest: it starts, prints and ends with exit code 0.
 */
import {
  args,
  environment,
  hostname,
  isoTime,
  memoryLimit,
  memoryUsed,
  now,
  pid,
  println,
  randomBytes,
  uptime,
} from "../lib/process";
import { errnoName } from "../lib/errno";

export function _start(): void {
  const list = args();
  println("Hello from " + (list.length ? list[0] : "nowhere") + ", process " + pid().toString() + " on " + hostname());
  for (let i = 1; i < list.length; i++) println("argument " + i.toString() + ": " + list[i]);

  const variables = environment();
  for (let i = 0; i < variables.length; i++) println("environment: " + variables[i]);

  println("time: " + isoTime(now()) + ", " + (<i64>uptime()).toString() + " ms after boot");
  println("memory: " + (<i64>memoryUsed() / 1024).toString() + " KiB of " + (<i64>memoryLimit() / 1024).toString() + " KiB");

  const bytes = new Uint8Array(16);
  const error = randomBytes(bytes);
  let hex = "";
  for (let i = 0; i < bytes.length; i++) hex += bytes[i].toString(16).padStart(2, "0");
  println("random: " + (error < 0 ? errnoName(error) : hex));
}
