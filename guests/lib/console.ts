/**
 * `console` as JavaScript knows it, on the guest's standard output and standard error. guests/lib/asconfig.json puts it in the place of
 * AssemblyScript's own, which would be imported from a JavaScript host.
 */
import { eprintln, println } from "./process";

export namespace console {
  export function log(message: string = ""): void {
    println(message);
  }
  export function info(message: string = ""): void {
    println(message);
  }
  export function debug(message: string = ""): void {
    println(message);
  }
  export function warn(message: string = ""): void {
    eprintln(message);
  }
  export function error(message: string = ""): void {
    eprintln(message);
  }
  export function assert<T>(condition: T, message: string = ""): void {
    if (!condition) eprintln("Assertion failed: " + message);
  }
}
