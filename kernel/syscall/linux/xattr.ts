/**
 * Extended attributes (xattr(7)): no file system here has any. A call answers what Linux answers for such a file system, after the file has been
 * looked for.
 */
import { EBADF, EOPNOTSUPP } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_PATH } from "../../abi/fcntl.ts";
import type { Process } from "../../process/process.ts";
import type { Row } from "../row.ts";
import { pathAt } from "./path-argument.ts";
import { BLOCKS, linuxRow } from "./row.ts";

/** getxattr(2), setxattr(2), listxattr(2), removexattr(2). */
export function sys_getxattr(k: Process, pathname: number): number {
  return unsupported(k, pathname, 0);
}

/** The same, of a symbolic link itself. */
export function sys_lgetxattr(k: Process, pathname: number): number {
  return unsupported(k, pathname, AT_SYMLINK_NOFOLLOW);
}

/** The same, of an open file. */
export function sys_fgetxattr(k: Process, fd: number): number {
  const file = k.fds.get(fd);
  return !file || (file.flags & O_PATH) !== 0 ? -EBADF : -EOPNOTSUPP;
}

function unsupported(k: Process, pathname: number, flags: number): number {
  const path = pathAt(k, pathname);
  if (typeof path === "number") return path;
  const place = k.vfs.locate(k, AT_FDCWD, path, flags);
  return typeof place === "number" ? place : -EOPNOTSUPP;
}

const NONE = { ...BLOCKS, partial: "no file system has extended attributes: EOPNOTSUPP" };
const ATTRIBUTE = "name:path value:ptr size:i32";

/** The three forms of a call: of what a path leads to, of what it names, of an open file. */
function family(number: number, verb: string, parameters: string): Row[] {
  return [
    linuxRow(number, `${verb}xattr`, `pathname:path ${parameters}`, sys_getxattr, NONE),
    linuxRow(number + 1, `l${verb}xattr`, `pathname:path ${parameters}`, sys_lgetxattr, NONE),
    linuxRow(number + 2, `f${verb}xattr`, `fd:fd ${parameters}`, sys_fgetxattr, NONE),
  ];
}

export const XATTR_ROWS: readonly Row[] = [
  ...family(188, "set", `${ATTRIBUTE} flags:i32`),
  ...family(191, "get", ATTRIBUTE),
  ...family(194, "list", "list:ptr size:i32"),
  ...family(197, "remove", "name:path"),
];
