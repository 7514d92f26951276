/**
 * virtio-fs: the kernel's driver against the host's device, on a real folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsDevice } from "../../../host/devices/fs.ts";
import { mountVirtioFs } from "../../../kernel/fs/fuse/mount.ts";
import { describeFileSystem } from "./file-system.contract.ts";
import { Guest, kernelWithVfs } from "./guest.ts";

for (const byPath of [false, true]) {
  describeFileSystem(byPath ? "virtio-fs without /proc" : "virtio-fs", () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-fs-"));
    const kernel = kernelWithVfs();
    const device = new FsDevice(kernel.physical, { folder, byPath });
    mountVirtioFs(kernel, device.mmio, "/mnt", false);
    return {
      guest: new Guest(kernel),
      root: "/mnt",
      close: () => {
        device.close();
        rmSync(folder, { recursive: true });
      },
    };
  });
}
