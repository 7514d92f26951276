import { describe, expect, it } from "vitest";
import { O_CREAT, O_RDWR } from "../../../kernel/abi/fcntl.ts";
import { RamFs } from "../../../kernel/fs/ramfs.ts";
import { describeFileSystem } from "./file-system.contract.ts";
import { Guest, kernelWithVfs, mountAt, must, said } from "./guest.ts";

describeFileSystem("ramfs", () => {
  const kernel = kernelWithVfs();
  mountAt(kernel, new RamFs(kernel, 16 * 1024 * 1024), "/mnt");
  return { guest: new Guest(kernel), root: "/mnt", close() {} };
});

describe("ramfs", () => {
  it("answers ENOSPC at its bound, after a short write, and gives back what is removed", () => {
    const kernel = kernelWithVfs();
    const fs = new RamFs(kernel, 300_000);
    mountAt(kernel, fs, "/mnt");
    const g = new Guest(kernel);
    const empty = fs.budget.used;
    const fd = must(g.open("/mnt/a", O_RDWR | O_CREAT));
    let total = 0;
    let last = 0;
    for (last = g.write(fd, "x".repeat(50_000)); last > 0; last = g.write(fd, "x".repeat(50_000))) total += last;
    expect(said(last)).toBe("ENOSPC");
    expect(total).toBeGreaterThan(200_000);
    expect(total % 50_000).not.toBe(0);
    expect(g.unlink("/mnt/a")).toBe(0);
    expect(fs.budget.used).toBeGreaterThan(total); // still open
    expect(g.close(fd)).toBe(0);
    expect(fs.budget.used).toBe(empty);
  });

  it("bounds the number of files, too", () => {
    const kernel = kernelWithVfs();
    const fs = new RamFs(kernel, 10_000);
    mountAt(kernel, fs, "/mnt");
    const g = new Guest(kernel);
    let made = 0;
    while (g.mkdir(`/mnt/${made}`) === 0) made++;
    expect(made).toBe(18);
    expect(said(g.open("/mnt/f", O_RDWR | O_CREAT))).toBe("ENOSPC");
    expect(said(g.symlink("x", "/mnt/l"))).toBe("ENOSPC");
    for (let i = 0; i < made; i++) expect(g.rmdir(`/mnt/${i}`)).toBe(0);
    expect(fs.inodeCount).toBe(1);
  });

  it("takes no memory for holes", () => {
    const kernel = kernelWithVfs();
    const fs = new RamFs(kernel, 1_000_000);
    mountAt(kernel, fs, "/mnt");
    const g = new Guest(kernel);
    const fd = must(g.open("/mnt/a", O_RDWR | O_CREAT));
    expect(g.ftruncate(fd, 2 ** 40)).toBe(0);
    expect(g.pwrite(fd, "x", 2 ** 40 - 1)).toBe(1);
    expect(g.pread(fd, 2, 2 ** 40 - 2)).toBe("\0x");
    expect(fs.budget.used).toBeLessThan(100_000);
    expect(said(g.ftruncate(fd, 2 ** 50))).toBe("EFBIG");
    expect(said(g.pwrite(fd, "x", 2 ** 43))).toBe("EFBIG");
  });
});
