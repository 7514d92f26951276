/** The forms of INFO's lines, appended to a Builder; and sizes for people, which MEMORY DOCTOR prints too. */
import { Builder, putByte, putFixed, putInt, putText } from "../lib/raw/builder";

/** Bytes for people, as Redis' bytesToHuman: 512B, 1.50K, 2.00M, 3.25G. */
export function putHuman(b: Builder, bytes: f64): void {
  if (bytes < 1024) {
    putInt(b, <i64>bytes);
    putByte(b, 66);
  } else if (bytes < 1048576) {
    putFixed(b, bytes / 1024, 2);
    putByte(b, 75);
  } else if (bytes < 1073741824) {
    putFixed(b, bytes / 1048576, 2);
    putByte(b, 77);
  } else {
    putFixed(b, bytes / 1073741824, 2);
    putByte(b, 71);
  }
}

/** "name:value\r\n", the form of every line of INFO. */
export function putField(b: Builder, name: string, value: i64): void {
  putText(b, name);
  putByte(b, 58);
  putInt(b, value);
  putText(b, "\r\n");
}
export function putFieldText(b: Builder, name: string, value: string): void {
  putText(b, name);
  putByte(b, 58);
  putText(b, value);
  putText(b, "\r\n");
}
export function putFieldFixed(b: Builder, name: string, value: f64, decimals: i32, suffix: string): void {
  putText(b, name);
  putByte(b, 58);
  putFixed(b, value, decimals);
  putText(b, suffix);
  putText(b, "\r\n");
}
export function putFieldHuman(b: Builder, name: string, bytes: f64): void {
  putText(b, name);
  putByte(b, 58);
  putHuman(b, bytes);
  putText(b, "\r\n");
}
