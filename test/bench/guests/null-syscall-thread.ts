/**
 * One system call that does nothing, from a thread: a stack that can park, from which the engine has to switch for JavaScript.
 */
import { measure } from "./getppid-rounds";

export function _start(): void {
  measure();
}
