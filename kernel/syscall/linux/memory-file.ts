/**
 * memfd_create(2): a file of ramfs that has no name.
 */
import { EINVAL, EMFILE, ENOMEM, ENOSYS } from "../../abi/errno.ts";
import { O_RDWR } from "../../abi/fcntl.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC, MFD_HUGETLB, MFD_NOEXEC_SEAL } from "../../abi/mman.ts";
import { RamFile } from "../../fs/ram-file.ts";
import { RamRegular } from "../../fs/ram-inode.ts";
import { RamFs } from "../../fs/ramfs.ts";
import type { Process } from "../../process/process.ts";
import { stringAt } from "./path-argument.ts";

/** NAME_MAX without "memfd:". */
const NAME_BYTES_MAX = 249;
const KNOWN = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;

export function sys_memfd_create(k: Process, name: number, flags: number): number {
  if ((flags & MFD_HUGETLB) !== 0) return -ENOSYS;
  if ((flags & ~KNOWN) !== 0) return -EINVAL;
  if ((flags & MFD_EXEC) !== 0 && (flags & MFD_NOEXEC_SEAL) !== 0) return -EINVAL;
  const text = stringAt(k, name >>> 0, NAME_BYTES_MAX + 1, EINVAL);
  if (typeof text === "number") return text;
  const { fs } = k.vfs.root.inode;
  if (!(fs instanceof RamFs) || fs.isFull) return -ENOMEM;
  const mode = (flags & MFD_NOEXEC_SEAL) !== 0 ? 0o666 : 0o777;
  const inode = new RamRegular(k, fs, mode);
  const file = new RamFile(inode, O_RDWR, `/memfd:${text} (deleted)`);
  const fd = k.fds.open(file, (flags & MFD_CLOEXEC) !== 0);
  if (fd === -EMFILE) file.close(k);
  return fd;
}
