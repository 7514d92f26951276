/**
 * cat: files, or standard input for none and for `-`, to standard output, as cat(1) does it. Exit code 1 if one of them
 * could not be read; the others are still copied.
 */
import { errnoMessage } from "../lib/errno";
import { Descriptor, File } from "../lib/file";
import { STDIN, STDOUT, args, eprintln, exit } from "../lib/process";

const buffer = new Uint8Array(64 * 1024);
const output = new Descriptor(STDOUT);
let failed = false;

function complain(name: string, error: i32): void {
  eprintln("cat: " + name + ": " + errnoMessage(error));
  failed = true;
}

function copy(input: Descriptor, name: string): void {
  while (true) {
    const n = input.read(buffer);
    if (n == 0) return;
    if (n < 0) {
      complain(name, n);
      return;
    }
    const error = output.writeAll(buffer, 0, n);
    if (error < 0) {
      // Nobody reads any more, or the disk is full: the other files would fare no better.
      complain("write error", error);
      exit(1);
    }
  }
}

export function _start(): void {
  const names = args();
  if (names.length < 2) names.push("-");
  for (let i = 1; i < names.length; i++) {
    const name = names[i];
    if (name == "-") {
      copy(new Descriptor(STDIN), "-");
      continue;
    }
    const opened = File.open(name);
    if (opened.failed) {
      complain(name, opened.error);
      continue;
    }
    copy(opened.value, name);
    opened.value.close();
  }
  if (failed) exit(1);
}
