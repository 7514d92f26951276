/**
 * /proc: what programs read to learn about themselves and the machine (proc(5)). Pages are 64 KiB, as WebAssembly has them; the process is
 * number 1, its tasks are the machine's threads.
 */
import { PROT_EXEC, PROT_READ, PROT_WRITE } from "../abi/mman.ts";
import { emptyStat } from "../abi/stat.ts";
import type { Kernel } from "../kernel.ts";
import type { Mapping } from "../mem/mapping.ts";
import { tcpTable } from "../net/proc-net.ts";
import type { Process } from "../process/process.ts";
import { TASK_RUNNING } from "../sched/task.ts";
import { FD_MAX } from "./fd-table.ts";
import type { File } from "./file.ts";
import { folder, link, type PseudoEntry, PseudoFs, type PseudoTable, text } from "./pseudo-fs.ts";

/** PROC_SUPER_MAGIC (statfs(2)). */
const PROC_SUPER_MAGIC = 0x9fa0;
const PAGE_BYTES = 65536;
const PID = 1;
/** sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

export function newProcFs(): PseudoFs {
  const self = folder({
    stat: text(stat),
    statm: text(statm),
    status: text(status),
    cmdline: text((k) => k.boot.args.map((arg) => `${arg}\0`).join("")),
    environ: text((k) => k.boot.env.map((entry) => `${entry}\0`).join("")),
    comm: text((k) => `${comm(k)}\n`),
    maps: text(maps),
    limits: text(limits),
    mounts: text(mounts),
    oom_score_adj: text(
      () => "0\n",
      (_k, written) => written.length,
    ),
    fd: folder(descriptors),
    cwd: link((k) => {
      const path = k.vfs.getcwd(k);
      return typeof path === "string" ? path : "(deleted)";
    }),
    root: link(() => "/"),
    net: folder(NET),
  });
  return new PseudoFs("proc", PROC_SUPER_MAGIC, {
    self: link(() => String(PID)),
    "thread-self": link(() => String(PID)),
    [PID]: self,
    uptime: text((k) => `${(k.clock.monotonicMs() / 1000).toFixed(2)} 0.00\n`),
    meminfo: text(meminfo),
    loadavg: text((k) => `0.00 0.00 0.00 1/${k.threadCount} ${PID}\n`),
    version: text(() => "Linux version 6.1.0-ringzero (wasm32) #1 Ringzero\n"),
    cpuinfo: text(() => "processor\t: 0\nmodel name\t: WebAssembly\n"),
    stat: text(
      (k) => `cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nbtime ${bootTime(k)}\nprocesses 1\nprocs_running 1\n`,
    ),
    filesystems: text(() => "nodev\tramfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tvirtiofs\n"),
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
      vm: folder({ overcommit_memory: text(() => "1\n"), swappiness: text(() => "0\n") }),
      net: folder({ core: folder({ somaxconn: text(() => "4096\n") }), ipv4: folder({}) }),
      fs: folder({ "file-max": text(() => `${FD_MAX}\n`), nr_open: text(() => `${FD_MAX}\n`) }),
    }),
  });
}

const NET: PseudoTable = {
  tcp: text((k) => tcpTable(k, 4)),
  tcp6: text((k) => tcpTable(k, 6)),
};

function stat(k: Kernel): string {
  const state = k.current.state === TASK_RUNNING ? "R" : "S";
  const pages = Math.ceil(k.mem.size / PAGE_BYTES);
  const runningTicks = Math.floor((k.clock.monotonicMs() / 1000) * TICKS_PER_SECOND);
  // Fields 4 to 52 of proc(5); what has no meaning here is 0. User time is the machine's age: nobody else runs on its CPU.
  const fields = new Array<number | string>(49).fill(0);
  const set = (field: number, value: number): void => {
    fields[field - 4] = value;
  };
  set(5, PID);
  set(6, PID);
  set(14, runningTicks);
  set(18, 20);
  set(20, Math.max(1, k.threadCount));
  set(23, k.mem.size);
  set(24, pages);
  set(25, k.boot.memoryLimit);
  return `${PID} (${comm(k)}) ${state} ${fields.join(" ")}\n`;
}

function statm(k: Kernel): string {
  const pages = Math.ceil(k.mem.size / PAGE_BYTES);
  return `${pages} ${pages} 0 0 0 ${pages} 0\n`;
}

function status(k: Kernel): string {
  const kb = Math.ceil(k.mem.size / 1024);
  const lines: [string, string][] = [
    ["Name", comm(k)],
    ["Umask", k.fs.umask.toString(8).padStart(4, "0")],
    ["State", k.current.state === TASK_RUNNING ? "R (running)" : "S (sleeping)"],
    ["Tgid", String(PID)],
    ["Pid", String(PID)],
    ["PPid", "0"],
    ["Uid", "0\t0\t0\t0"],
    ["Gid", "0\t0\t0\t0"],
    ["FDSize", String(Math.max(64, k.fds.count))],
    ["VmPeak", `${kb} kB`],
    ["VmSize", `${kb} kB`],
    ["VmHWM", `${kb} kB`],
    ["VmRSS", `${kb} kB`],
    ["VmData", `${kb} kB`],
    ["Threads", String(Math.max(1, k.threadCount))],
  ];
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join("");
}

/** proc(5): every mapping of a Linux program; a guest of another personality has its memory as one. */
function maps(k: Kernel): string {
  const { space } = (k as Partial<Process>).linux ?? {};
  if (!space) return `${range(0, k.mem.size)} rw-p 00000000 00:00 0 [memory]\n`;
  return space.mappings.map((mapping) => mapsLine(k, mapping)).join("");
}

function mapsLine(k: Kernel, { start, end, prot, kind, isShared, file, object, offset }: Mapping): string {
  const bit = (mask: number, letter: string): string => ((prot & mask) !== 0 ? letter : "-");
  const rights = kind === "program" ? "rwx" : `${bit(PROT_READ, "r")}${bit(PROT_WRITE, "w")}${bit(PROT_EXEC, "x")}`;
  const st = emptyStat();
  if (file) file.stat(k, st);
  const at = file || object ? offset : 0;
  const dev = `00:${st.dev.toString(16).padStart(2, "0")}`;
  const columns = `${range(start, end)} ${rights}${isShared ? "s" : "p"} ${at.toString(16).padStart(8, "0")} ${dev} ${st.ino} `;
  const name = kind === "program" ? k.boot.name : kind === "heap" ? "[heap]" : file ? nameOf(file) : "";
  return `${name === "" ? columns : columns.padEnd(73) + name}\n`;
}

function limits(k: Kernel): string {
  const row = (name: string, limit: string | number, unit: string): string =>
    `${name.padEnd(26)}${String(limit).padEnd(21)}${String(limit).padEnd(21)}${unit.padEnd(10)}\n`;
  return (
    `${"Limit".padEnd(26)}${"Soft Limit".padEnd(21)}${"Hard Limit".padEnd(21)}${"Units".padEnd(10)}\n` +
    row("Max open files", FD_MAX, "files") +
    row("Max address space", k.boot.memoryLimit, "bytes")
  );
}

function meminfo(k: Kernel): string {
  const total = Math.floor(k.boot.memoryLimit / 1024);
  const free = Math.max(0, total - Math.ceil(k.mem.size / 1024));
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

/** As getmntent(3) reads it: space, tab, newline and backslash in octal. */
function mounts(k: Kernel): string {
  const escaped = (name: string): string =>
    name.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return k.vfs.mounts
    .map(
      ({ fs, path, readOnly }) => `${escaped(fs.source)} ${escaped(path)} ${fs.type} ${readOnly ? "ro" : "rw"} 0 0\n`,
    )
    .join("");
}

function descriptors(k: Kernel): PseudoTable {
  const table: Record<string, PseudoEntry> = {};
  for (const [fd, file] of k.fds.entries()) table[fd] = link(() => nameOf(file));
  return table;
}

/** What the link of a descriptor says. A file that has no path is named by its kind, as Linux does it. */
function nameOf(file: File): string {
  if ("path" in file && typeof file.path === "string") return file.path;
  if (file.kind === "socket" || file.kind === "fifo") return `${file.kind === "fifo" ? "pipe" : "socket"}:[1]`;
  return `anon_inode:[${file.kind}]`;
}

function comm(k: Kernel): string {
  return k.boot.name.slice(0, 15);
}

function bootTime(k: Kernel): number {
  return Math.floor((k.clock.realtimeMs() - k.clock.monotonicMs()) / 1000);
}

function range(start: number, end: number): string {
  return `${start.toString(16).padStart(8, "0")}-${end.toString(16).padStart(8, "0")}`;
}
