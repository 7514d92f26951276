/**
 * A path that a WASI program passes as (directory, address, length). That it stays beneath the directory is the walk's to see to
 * (kernel/fs/path.ts, `confined`).
 */
import { EBADF, EILSEQ, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { ENOTCAPABLE } from "../../abi/wasi.ts";
import { toBytes } from "../../fs/byte-string.ts";
import { pathArgument } from "../path-argument.ts";
import type { WasiProcess } from "./row.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * The path as a byte string, if `fd` is a directory with all of `rights`; -EBADF, -ENOTDIR, -ENOTCAPABLE, -EFAULT, -ENAMETOOLONG; -EINVAL for a
 * NUL inside, -EILSEQ for what is no UTF-8, -ENOENT for nothing.
 */
export function pathOfGuest(k: WasiProcess, fd: number, rights: number, path: number, length: number): string | number {
  const base = k.wasi.base[fd];
  if (base === undefined) return -EBADF;
  if ((base & rights) !== rights) return k.fds.get(fd)?.directory ? -ENOTCAPABLE : -ENOTDIR;
  return textOfGuest(k, path, length);
}

/** The same without a directory: the target of a symbolic link. */
export function textOfGuest(k: WasiProcess, path: number, length: number): string | number {
  // A length is unsigned; what is longer than any path is for pathArgument to refuse.
  const name = pathArgument(k, path, Math.min(length >>> 0, 0x7fffffff));
  if (typeof name === "number") return name;
  if (name === "") return -ENOENT;
  return isAscii(name) || isUtf8(name) ? name : -EILSEQ;
}

function isAscii(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) >= 0x80) return false;
  return true;
}

function isUtf8(name: string): boolean {
  try {
    decoder.decode(toBytes(name));
    return true;
  } catch {
    return false;
  }
}
