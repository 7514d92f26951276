/** A number on a line of stdout, without an allocator. */
import { sys_write } from "../../../guests/lib/sys";

const digits: usize = memory.data(16);

export function printLine(value: u32): void {
  let at = digits + 15;
  store<u8>(at, 0x0a);
  do {
    store<u8>(--at, <u8>(0x30 + (value % 10)));
    value /= 10;
  } while (value !== 0);
  sys_write(1, at, <i32>(digits + 16 - at));
}
