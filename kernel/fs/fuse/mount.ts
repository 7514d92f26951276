/**
 * Volumes: mounts a virtio-fs device. The composition root calls it once for each volume, before the guest starts:
 *
 *     const device = new FsDevice(physical, { folder, readOnly, log });
 *     kernel.attach(device.mmio, mountVirtioFs(kernel, device.mmio, "/data", readOnly));
 *
 * `attach` connects the interrupt line; without it, syncs and large transfers would never end. The guest path is text, absolute, and is
 * made if it does not exist. Throws DeviceError if the device does not start or the path cannot be mounted on.
 */
import { errnoMessage } from "../../abi/errno.ts";
import type { Kernel } from "../../kernel.ts";
import { DeviceError } from "../../virtio/driver.ts";
import type { Transport } from "../../virtio/transport.ts";
import { toByteString } from "../byte-string.ts";
import { FuseFs } from "./fuse-fs.ts";
import { FuseSession } from "./session.ts";

export function mountVirtioFs(kernel: Kernel, transport: Transport, guestPath: string, readOnly: boolean): FuseSession {
  const session = new FuseSession(kernel.physical, transport);
  const path = toByteString(guestPath);
  const made = kernel.vfs.mkdirs(kernel, path);
  const result = made < 0 ? made : kernel.vfs.mount(kernel, new FuseFs(session, readOnly), path);
  if (result < 0) throw new DeviceError(`volume ${guestPath}: ${errnoMessage(result)}`);
  return session;
}
