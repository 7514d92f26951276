/**
 * Structures of stat(2), statfs(2), getdents64(2) and readv(2), as they lie in guest memory: the x86-64 layout, except that pointers
 * and size_t are 32 bits wide (wasm32). Callers have validated the pointers.
 */
import type { Stat } from "../fs/file.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";

/** `struct stat`. */
export const STAT_BYTES = 144;
/** `struct statfs`. */
export const STATFS_BYTES = 120;
/** `struct linux_dirent64` without its name. */
export const DIRENT_HEADER_BYTES = 19;
/** `struct iovec` of wasm32: u32 base, u32 length. */
export const IOVEC_BYTES = 8;

/** d_type (readdir(3)). */
export const DT_FIFO = 1;
export const DT_CHR = 2;
export const DT_DIR = 4;
export const DT_BLK = 6;
export const DT_REG = 8;
export const DT_LNK = 10;
export const DT_SOCK = 12;

/** f_flags (statfs(2)). */
export const ST_RDONLY = 1;

/** What statfs(2) tells; sizes in blocks of `bsize`. */
export interface StatFs {
  type: number;
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  namelen: number;
  flags: number;
}

export function emptyStat(): Stat {
  return {
    dev: 0,
    ino: 0,
    mode: 0,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blksize: 4096,
    blocks: 0,
    atimeSec: 0,
    atimeNsec: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    ctimeSec: 0,
    ctimeNsec: 0,
  };
}

export function writeStat(mem: GuestMemory, ptr: number, stat: Stat): void {
  mem.u8.fill(0, ptr, ptr + STAT_BYTES);
  mem.setI64(ptr, stat.dev);
  mem.setI64(ptr + 8, stat.ino);
  mem.setI64(ptr + 16, stat.nlink);
  mem.setU32(ptr + 24, stat.mode);
  mem.setU32(ptr + 28, stat.uid);
  mem.setU32(ptr + 32, stat.gid);
  mem.setI64(ptr + 40, stat.rdev);
  mem.setI64(ptr + 48, stat.size);
  mem.setI64(ptr + 56, stat.blksize);
  mem.setI64(ptr + 64, stat.blocks);
  mem.setI64(ptr + 72, stat.atimeSec);
  mem.setI64(ptr + 80, stat.atimeNsec);
  mem.setI64(ptr + 88, stat.mtimeSec);
  mem.setI64(ptr + 96, stat.mtimeNsec);
  mem.setI64(ptr + 104, stat.ctimeSec);
  mem.setI64(ptr + 112, stat.ctimeNsec);
}

export function writeStatFs(mem: GuestMemory, ptr: number, out: StatFs): void {
  mem.u8.fill(0, ptr, ptr + STATFS_BYTES);
  mem.setI64(ptr, out.type);
  mem.setI64(ptr + 8, out.bsize);
  mem.setI64(ptr + 16, out.blocks);
  mem.setI64(ptr + 24, out.bfree);
  mem.setI64(ptr + 32, out.bavail);
  mem.setI64(ptr + 40, out.files);
  mem.setI64(ptr + 48, out.ffree);
  mem.setI64(ptr + 64, out.namelen);
  mem.setI64(ptr + 72, out.bsize);
  mem.setI64(ptr + 80, out.flags);
}

/** `struct statx`. */
export const STATX_BYTES = 256;
const STATX_BASIC_STATS = 0x7ff;

export function writeStatx(mem: GuestMemory, ptr: number, stat: Stat): void {
  mem.u8.fill(0, ptr, ptr + STATX_BYTES);
  mem.setU32(ptr, STATX_BASIC_STATS);
  mem.setU32(ptr + 4, stat.blksize);
  mem.setU32(ptr + 16, stat.nlink);
  mem.setU32(ptr + 20, stat.uid);
  mem.setU32(ptr + 24, stat.gid);
  mem.setU16(ptr + 28, stat.mode);
  mem.setI64(ptr + 32, stat.ino);
  mem.setI64(ptr + 40, stat.size);
  mem.setI64(ptr + 48, stat.blocks);
  writeStatxTime(mem, ptr + 64, stat.atimeSec, stat.atimeNsec);
  writeStatxTime(mem, ptr + 96, stat.ctimeSec, stat.ctimeNsec);
  writeStatxTime(mem, ptr + 112, stat.mtimeSec, stat.mtimeNsec);
  writeDevice(mem, ptr + 128, stat.rdev);
  writeDevice(mem, ptr + 136, stat.dev);
}

function writeStatxTime(mem: GuestMemory, ptr: number, sec: number, nsec: number): void {
  mem.setI64(ptr, sec);
  mem.setU32(ptr + 8, nsec);
}

/** Major and minor number, as makedev(3) packs them into 32 bits. */
function writeDevice(mem: GuestMemory, ptr: number, device: number): void {
  mem.setU32(ptr, (device >>> 8) & 0xfff);
  mem.setU32(ptr + 4, (device & 0xff) | ((device >>> 12) & 0xfff00));
}
