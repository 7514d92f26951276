/**
 * What a machine's file system gets from the host before the guest starts: the image's own files, copied into memory, and the volumes.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoMessage } from "../kernel/abi/errno.ts";
import { AT_FDCWD } from "../kernel/abi/fcntl.ts";
import { installFile } from "../kernel/fs/boot.ts";
import { toByteString } from "../kernel/fs/byte-string.ts";
import { mountVirtioFs } from "../kernel/fs/fuse/mount.ts";
import type { MachineKernel } from "../kernel/machine-kernel.ts";
import type { PhysicalMemory } from "../kernel/mem/physical.ts";
import { DeviceError } from "../kernel/virtio/driver.ts";
import { FsDevice } from "./devices/fs.ts";
import type { Volume } from "./options.ts";
import { UsageError } from "./usage-error.ts";

/** Copies `filesFolder` to the guest's root, then mounts the volumes. The devices, to be closed when the machine is over. */
export function mountVolumes(
  kernel: MachineKernel,
  physical: PhysicalMemory,
  volumes: readonly Volume[],
  filesFolder: string | null,
  log: (line: string) => void,
): FsDevice[] {
  if (filesFolder !== null) copyFiles(kernel, filesFolder, "");
  const devices: FsDevice[] = [];
  try {
    // A volume may lie in another one: the outer one first.
    for (const volume of [...volumes].sort((a, b) => depth(a.guestPath) - depth(b.guestPath))) {
      devices.push(mountVolume(kernel, physical, volume, log));
    }
  } catch (error) {
    for (const device of devices) device.close();
    throw error;
  }
  return devices;
}

function mountVolume(
  kernel: MachineKernel,
  physical: PhysicalMemory,
  { hostPath, guestPath, readOnly }: Volume,
  log: (line: string) => void,
): FsDevice {
  let device: FsDevice | null = null;
  try {
    device = new FsDevice(physical, { folder: hostPath, readOnly, log });
    kernel.attach(device.mmio, mountVirtioFs(kernel.init, device.mmio, guestPath, readOnly));
    return device;
  } catch (error) {
    device?.close();
    if (error instanceof DeviceError) throw new UsageError(error.message);
    if (error instanceof Error && "syscall" in error) throw new UsageError(`volume ${guestPath}: ${error.message}`);
    throw error;
  }
}

/** Folders, files and symbolic links; whatever else lies there is none of an image. */
function copyFiles(kernel: MachineKernel, folder: string, guestPath: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const from = join(folder, entry.name);
    const to = `${guestPath}/${toByteString(entry.name)}`;
    let result = 0;
    if (entry.isDirectory()) result = kernel.vfs.mkdirs(kernel.init, to);
    else if (entry.isFile()) result = installFile(kernel.init, to, readFileSync(from), statSync(from).mode & 0o777);
    else if (entry.isSymbolicLink()) {
      result = kernel.vfs.symlink(kernel.init, toByteString(readlinkSync(from)), AT_FDCWD, to);
    }
    if (result < 0) throw new UsageError(`image file ${from}: ${errnoMessage(result)}`);
    if (entry.isDirectory()) copyFiles(kernel, from, to);
  }
}

function depth(path: string): number {
  return path.split("/").length;
}
