/**
 * The file system that every machine boots with: a root ramfs with /dev, /proc, /tmp, /etc and /data, and the console as descriptors 0 to 2.
 * Volumes are mounted over it afterwards (fuse/mount.ts).
 */
import { ENOSPC, EROFS } from "../abi/errno.ts";
import { AT_FDCWD, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import type { Kernel } from "../kernel.ts";
import { FsContext } from "../process/fs-context.ts";
import { toByteString, toBytes } from "./byte-string.ts";
import { ConsoleFile } from "./console-file.ts";
import { newDevFs } from "./devfs.ts";
import { newProcFs } from "./proc/procfs.ts";
import { RamRegular } from "./ram-inode.ts";
import { RamDirectory, RamFs } from "./ramfs.ts";
import { newSysFs } from "./sysfs.ts";
import { Vfs } from "./vfs.ts";

/** What files in memory may take: half of the machine's memory, as tmpfs has it. */
const RAMFS_SHARE = 0.5;
const DEVFS_BYTES_MAX = 64 * 1024 * 1024;

const FOLDERS: readonly [path: string, mode: number][] = [
  ["/dev", 0o755],
  ["/proc", 0o555],
  ["/sys", 0o555],
  ["/tmp", 0o1777],
  ["/etc", 0o755],
  ["/data", 0o755],
  ["/run", 0o755],
  ["/var", 0o755],
  ["/var/tmp", 0o1777],
  ["/root", 0o700],
];

/** Makes the tree; called once by the kernel, when clock and console work. */
export function bootFileSystem(kernel: Kernel & { fs: FsContext }): Vfs {
  const fs = new RamFs(kernel, Math.floor(kernel.boot.memoryLimit * RAMFS_SHARE), "ramfs");
  const vfs = new Vfs(fs);
  kernel.fs = new FsContext(vfs.root, vfs.root, 0);
  for (const [path, mode] of FOLDERS) vfs.mkdir(kernel, AT_FDCWD, path, mode);
  kernel.fs.umask = 0o022;
  vfs.mount(kernel, newDevFs(kernel, Math.min(DEVFS_BYTES_MAX, fs.budget.max)), "/dev");
  vfs.mkdir(kernel, AT_FDCWD, "/dev/shm", 0o1777);
  vfs.mount(kernel, newProcFs(), "/proc");
  vfs.mount(kernel, newSysFs(), "/sys");
  const { name } = kernel.boot;
  const etc = (file: string, contents: string): void => {
    const directory = fs.root.lookup(kernel, "etc") as RamDirectory;
    addFile(kernel, directory, file, toBytes(toByteString(contents)), 0o644);
  };
  etc("hosts", `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.0.1\t${name}\n`);
  etc("hostname", `${name}\n`);
  etc("resolv.conf", "# No name server: names are looked up in /etc/hosts.\n");
  etc("passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  etc("group", "root:x:0:\nnogroup:x:65534:\n");
  etc("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
  kernel.fds.open(new ConsoleFile(kernel, 0, O_RDONLY));
  kernel.fds.open(new ConsoleFile(kernel, 1, O_WRONLY));
  kernel.fds.open(new ConsoleFile(kernel, 2, O_WRONLY));
  return vfs;
}

/**
 * Puts a regular file into the ramfs part of the tree, before the guest runs: files of the image, and the kernel's own. The directory must exist;
 * a file that has the name goes. 0 or a negated errno.
 */
export function installFile(kernel: Kernel, path: string, contents: Uint8Array, mode: number): number {
  const at = path.lastIndexOf("/");
  const directory = kernel.vfs.resolve(kernel, AT_FDCWD, path.slice(0, at) || "/", true);
  if (typeof directory === "number") return directory;
  return directory.inode instanceof RamDirectory
    ? addFile(kernel, directory.inode, path.slice(at + 1), contents, mode)
    : -EROFS;
}

function addFile(kernel: Kernel, directory: RamDirectory, name: string, contents: Uint8Array, mode: number): number {
  if (typeof directory.lookup(kernel, name) !== "number") {
    const removed = directory.unlink(kernel, name);
    if (removed !== 0) return removed;
  }
  if (directory.fs.isFull) return -ENOSPC;
  const inode = new RamRegular(kernel, directory.fs, mode);
  directory.add(kernel, name, inode);
  return inode.data.write(contents, 0) === contents.length ? 0 : -ENOSPC;
}
