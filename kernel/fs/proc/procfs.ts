/**
 * /proc: what programs read to learn about the machine and its processes (proc(5)). Here is what belongs to the machine; a process' own
 * directory is process-folder.ts.
 */
import type { Kernel } from "../../kernel.ts";
import { FD_MAX } from "../fd-table.ts";
import { PIPE_SIZE_MAX } from "../pipe.ts";
import { folder, link, PseudoFs, type PseudoTable, text } from "../pseudo-fs.ts";
import { processFolder } from "./process-folder.ts";

/** PROC_SUPER_MAGIC (statfs(2)). */
const PROC_SUPER_MAGIC = 0x9fa0;

export function newProcFs(): PseudoFs {
  return new PseudoFs("proc", PROC_SUPER_MAGIC, (k) => {
    const table: Record<string, PseudoTable[string]> = { ...MACHINE };
    for (const [pid, process] of k.processes) table[pid] = processFolder(process);
    return table;
  });
}

const MACHINE: PseudoTable = {
  self: link((k) => String(k.pid)),
  "thread-self": link((k) => `${k.pid}/task/${k.current.tid}`),
  uptime: text((k) => `${(k.clock.monotonicMs() / 1000).toFixed(2)} 0.00\n`),
  meminfo: text(meminfo),
  loadavg: text((k) => `0.00 0.00 0.00 1/${threads(k)} ${lastPid(k)}\n`),
  version: text(() => "Linux version 6.1.0-ringzero (wasm32) #1 Ringzero\n"),
  cpuinfo: text(() => "processor\t: 0\nmodel name\t: WebAssembly\n"),
  stat: text(
    (k) =>
      `cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nbtime ${bootTime(k)}\nprocesses ${lastPid(k)}\nprocs_running 1\n`,
  ),
  filesystems: text(() => "nodev\tramfs\nnodev\tproc\nnodev\tsysfs\nnodev\tdevtmpfs\nnodev\tvirtiofs\n"),
  mounts: link(() => "self/mounts"),
  net: link(() => "self/net"),
  sys: folder({
    kernel: folder({
      hostname: text((k) => `${k.boot.name}\n`),
      ostype: text(() => "Linux\n"),
      osrelease: text(() => "6.1.0-ringzero\n"),
      pid_max: text(() => "32768\n"),
      "threads-max": text(() => "65536\n"),
    }),
    vm: folder({
      overcommit_memory: text(() => "1\n"),
      swappiness: text(() => "0\n"),
      max_map_count: text(() => "65530\n"),
    }),
    net: folder({
      core: folder({ somaxconn: text(() => "4096\n") }),
      ipv4: folder({ ip_local_port_range: text(() => "32768\t60999\n") }),
    }),
    fs: folder({
      "file-max": text(() => `${FD_MAX}\n`),
      nr_open: text(() => `${FD_MAX}\n`),
      "pipe-max-size": text(() => `${PIPE_SIZE_MAX}\n`),
    }),
  }),
};

function meminfo(k: Kernel): string {
  const total = Math.floor(k.boot.memoryLimit / 1024);
  const used = [...k.processes.values()].reduce((sum, process) => sum + process.mem.size, 0);
  const free = Math.max(0, total - Math.ceil(used / 1024));
  const row = (name: string, kb: number): string => `${`${name}:`.padEnd(16)}${String(kb).padStart(8)} kB\n`;
  return (
    row("MemTotal", total) +
    row("MemFree", free) +
    row("MemAvailable", free) +
    row("Buffers", 0) +
    row("Cached", 0) +
    row("SwapTotal", 0) +
    row("SwapFree", 0)
  );
}

function threads(k: Kernel): number {
  return [...k.processes.values()].reduce((sum, process) => sum + process.threadCount, 0);
}

function lastPid(k: Kernel): number {
  return Math.max(...k.processes.keys());
}

function bootTime(k: Kernel): number {
  return Math.floor((k.clock.realtimeMs() - k.clock.monotonicMs()) / 1000);
}
