/**
 * System calls about the process: identity, arguments, environment, end. The first process of a machine is number 1, started by 0.
 */
import { EFAULT, EINVAL } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { GuestExit } from "./guest-exit.ts";

/** getpid(2). */
export function sys_getpid(k: Kernel): number {
  return k.pid;
}

/** getppid(2): the machine itself has no parent inside; like a container's init it sees 0. */
export function sys_getppid(k: Kernel): number {
  return k.ppid;
}

/** exit_group(2): ends the process, and with process 1 the machine. Does not return: what is thrown only unwinds the guest's stack. */
export function sys_exit_group(k: Kernel, status: number): never {
  k.exit(status & 0xff);
  throw new GuestExit(status & 0xff);
}

/** exit(2): ends the calling thread; the process ends with its last thread. Does not return. */
export function sys_exit(k: Kernel, status: number): never {
  if (k.threadCount <= 1 || !k.current.canPark) sys_exit_group(k, status);
  throw new GuestExit(status & 0xff, true);
}

/** getrandom(2): bytes of the entropy device; never blocks, never short below 256 bytes. */
export function sys_getrandom(k: Kernel, buf: number, buflen: number, flags: number): number {
  if (flags & ~7) return -EINVAL;
  if (buflen < 0) return -EINVAL;
  if (!k.mem.has(buf >>> 0, buflen)) return -EFAULT;
  return buflen === 0 ? 0 : k.entropy.fill(k.mem.base + (buf >>> 0), buflen);
}

/** Length of one field of `struct utsname`; there are six (with domainname). */
const UTS_LENGTH = 65;

/** uname(2): `struct utsname`, 390 bytes. */
export function sys_uname(k: Kernel, buf: number): number {
  const ptr = buf >>> 0;
  if (!k.mem.has(ptr, 6 * UTS_LENGTH)) return -EFAULT;
  const fields = ["Linux", k.boot.name, "6.1.0-ringzero", "#1 Ringzero", "wasm32", "(none)"];
  fields.forEach((field, index) => {
    const at = ptr + index * UTS_LENGTH;
    k.mem.u8.fill(0, at, at + UTS_LENGTH);
    encoder.encodeInto(field, k.mem.u8.subarray(at, at + UTS_LENGTH - 1));
  });
  return 0;
}

/** sysinfo(2): `struct sysinfo` of x86-64, 112 bytes, mem_unit 1. */
export function sys_sysinfo(k: Kernel, info: number): number {
  const ptr = info >>> 0;
  if (!k.mem.has(ptr, 112)) return -EFAULT;
  const { mem } = k;
  mem.u8.fill(0, ptr, ptr + 112);
  mem.setI64(ptr, Math.floor(k.clock.monotonicMs() / 1000));
  mem.setI64(ptr + 32, k.boot.memoryLimit);
  mem.setI64(ptr + 40, Math.max(0, k.boot.memoryLimit - mem.size));
  mem.setU16(ptr + 80, Math.min(0xffff, k.threadCount));
  mem.setU32(ptr + 104, 1);
  return 0;
}

/** Bytes that linear memory may grow to in all. */
export function sys_memory_limit(k: Kernel): number {
  return k.boot.memoryLimit;
}

export function sys_arg_count(k: Kernel): number {
  return k.boot.args.length;
}

export function sys_arg_length(k: Kernel, index: number): number {
  return lengthOf(k.boot.args, index);
}

export function sys_arg_copy(k: Kernel, index: number, buf: number, size: number): number {
  return copyOf(k, k.boot.args, index, buf, size);
}

export function sys_env_count(k: Kernel): number {
  return k.boot.env.length;
}

export function sys_env_length(k: Kernel, index: number): number {
  return lengthOf(k.boot.env, index);
}

export function sys_env_copy(k: Kernel, index: number, buf: number, size: number): number {
  return copyOf(k, k.boot.env, index, buf, size);
}

function lengthOf(list: readonly string[], index: number): number {
  const text = list[index];
  return text === undefined ? -EINVAL : encoder.encode(text).length;
}

/** Copies at most `size` bytes of one string, without a NUL; the bytes copied. */
function copyOf(k: Kernel, list: readonly string[], index: number, buf: number, size: number): number {
  const text = list[index];
  if (text === undefined || size < 0) return -EINVAL;
  const ptr = buf >>> 0;
  if (!k.mem.has(ptr, size)) return -EFAULT;
  const bytes = encoder.encode(text).subarray(0, size);
  k.mem.u8.set(bytes, ptr);
  return bytes.length;
}

const encoder = new TextEncoder();
