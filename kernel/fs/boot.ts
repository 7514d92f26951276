/**
 * The file system that every machine boots with: a root ramfs with /dev, /proc, /tmp, /etc and /data, and the console as descriptors 0 to 2.
 * Volumes are mounted over it afterwards (fuse/mount.ts).
 */
import { AT_FDCWD, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import type { Kernel } from "../kernel.ts";
import { toByteString, toBytes } from "./byte-string.ts";
import { ConsoleFile } from "./console-file.ts";
import { newDevFs } from "./devfs.ts";
import { newProcFs } from "./procfs.ts";
import { type RamDirectory, RamFs } from "./ramfs.ts";
import { RamRegular } from "./ram-inode.ts";
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
export function bootFileSystem(kernel: Kernel): Vfs {
  const fs = new RamFs(kernel, Math.floor(kernel.boot.memoryLimit * RAMFS_SHARE), "ramfs");
  const vfs = new Vfs(fs);
  vfs.umask = 0;
  for (const [path, mode] of FOLDERS) vfs.mkdir(kernel, AT_FDCWD, path, mode);
  vfs.umask = 0o022;
  vfs.mount(kernel, newDevFs(kernel, Math.min(DEVFS_BYTES_MAX, fs.budget.max)), "/dev");
  vfs.mkdir(kernel, AT_FDCWD, "/dev/shm", 0o1777);
  vfs.mount(kernel, newProcFs(), "/proc");
  const { name } = kernel.boot;
  writeFile(kernel, fs, "hosts", `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.0.1\t${name}\n`);
  writeFile(kernel, fs, "hostname", `${name}\n`);
  writeFile(kernel, fs, "resolv.conf", "# No name server: names are looked up in /etc/hosts.\n");
  writeFile(kernel, fs, "passwd", "root:x:0:0:root:/root:/bin/sh\n");
  writeFile(kernel, fs, "group", "root:x:0:\n");
  writeFile(kernel, fs, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
  kernel.fds.open(new ConsoleFile(kernel, 0, O_RDONLY));
  kernel.fds.open(new ConsoleFile(kernel, 1, O_WRONLY));
  kernel.fds.open(new ConsoleFile(kernel, 2, O_WRONLY));
  return vfs;
}

/** A file in /etc, written by the kernel itself. */
function writeFile(kernel: Kernel, fs: RamFs, name: string, contents: string): void {
  const etc = fs.root.lookup(kernel, "etc") as RamDirectory;
  const inode = new RamRegular(kernel, fs, 0o644);
  inode.data.write(toBytes(toByteString(contents)), 0);
  etc.add(kernel, name, inode);
}
