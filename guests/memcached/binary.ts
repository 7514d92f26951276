import { Conn, connCloseSoon } from "./connection";
export function binaryCommand(c: Conn, p: usize, end: usize): usize { connCloseSoon(c); return end; }
export function binaryHeadMissing(p: usize, n: u32): u32 { return 1; }
export function binaryValueComplete(c: Conn): void {}
