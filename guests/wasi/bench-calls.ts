/**
 * What WASI calls cost a program: the same module for every host that is compared (test/bench/wasi-rows.ts). The first argument names the measure, the
 * second one how often. Prints picoseconds for each operation, one round a line. It works in descriptor 3, and makes there what it needs but for "big",
 * which it reads at random places of its BIG_BYTES.
 */
import {
  clock_time_get,
  errno,
  fd_close,
  fd_readdir,
  fd_pread,
  fd_write,
  path_open,
} from "bindings/wasi_snapshot_preview1";

const ROUNDS = 7;
const BIG_BYTES: u64 = 1 << 30;
const READ_BYTES: u32 = 4096;
const DIRECTORY_BYTES: u32 = 65536;
const ENTRIES = 10000;
const OFLAGS_CREAT: u16 = 1;
const FD_READ: u64 = 2;
const FD_SEEK: u64 = 4;
const FD_WRITE: u64 = 64;

const name = memory.data(16);
const out = memory.data(16, 8);
const vector = memory.data(16, 8);
const buffer = memory.data(131072, 8);

function check(what: errno): void {
  if (what !== errno.SUCCESS) throw new Error("errno " + (<i32>what).toString());
}

function now(): u64 {
  check(clock_time_get(1, 0, out));
  return load<u64>(out);
}

function open(text: string, rights: u64): u32 {
  const length = String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, name);
  check(path_open(3, 0, name, length, rights & FD_WRITE ? OFLAGS_CREAT : 0, rights, 0, 0, out));
  return load<u32>(out);
}

/** The entries of the directory, "." and ".." among them where the host has them. */
function list(): i32 {
  let cookie: u64 = 0;
  let entries = 0;
  let used: u32;
  do {
    check(fd_readdir(3, buffer, DIRECTORY_BYTES, cookie, out));
    used = load<u32>(out);
    let at: u32 = 0;
    while (at + 24 <= used) {
      const size = 24 + load<u32>(buffer + at, 16);
      if (at + size > used) break;
      cookie = load<u64>(buffer + at);
      at += size;
      entries++;
    }
  } while (used === DIRECTORY_BYTES);
  return entries;
}

function setVector(bytes: u32): void {
  store<u32>(vector, <u32>buffer);
  store<u32>(vector, bytes, 4);
}

/** Nanoseconds of `count` operations. */
function measure(what: string, count: i32): u64 {
  if (what == "write") {
    const fd = open("file", FD_WRITE | FD_SEEK);
    setVector(64);
    const from = now();
    for (let i = 0; i < count; i++) check(fd_write(fd, vector, 1, out));
    const took = now() - from;
    check(fd_close(fd));
    return took;
  }
  if (what == "open") {
    check(fd_close(open("file", FD_WRITE)));
    const length = String.UTF8.encodeUnsafe(changetype<usize>("file"), 4, name);
    const from = now();
    for (let i = 0; i < count; i++) {
      check(path_open(3, 0, name, length, 0, FD_READ, 0, 0, out));
      check(fd_close(load<u32>(out)));
    }
    return now() - from;
  }
  if (what == "read") {
    const fd = open("big", FD_READ | FD_SEEK);
    setVector(READ_BYTES);
    let seed: u64 = 88172645463325252;
    const from = now();
    for (let i = 0; i < count; i++) {
      seed ^= seed << 13;
      seed ^= seed >> 7;
      seed ^= seed << 17;
      check(fd_pread(fd, vector, 1, seed % (BIG_BYTES / READ_BYTES) * READ_BYTES, out));
    }
    const took = now() - from;
    check(fd_close(fd));
    return took;
  }
  // "readdir": an operation is the whole directory.
  const from = now();
  for (let i = 0; i < count; i++) {
    const entries = list();
    if (entries < ENTRIES) throw new Error("only " + entries.toString() + " entries are listed");
  }
  return now() - from;
}

const what = process.argv[1];
const count = <i32>parseInt(process.argv[2]);
let lines = "";
if (what == "readdir") for (let i = 0; i < ENTRIES; i++) check(fd_close(open("entry-" + i.toString(), FD_WRITE)));
measure(what, max(count / 4, 1)); // warm
for (let round = 0; round < ROUNDS; round++) lines += (measure(what, count) * 1000 / count).toString() + "\n";
process.stdout.write(lines);
