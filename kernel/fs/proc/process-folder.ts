/**
 * /proc/PID: the directory of a process. What it says is about that process, whoever reads it; only paths are the reader's, who may have another
 * root.
 */
import { EINVAL } from "../../abi/errno.ts";
import { O_CLOEXEC, SEEK_CUR } from "../../abi/fcntl.ts";
import { emptyStat } from "../../abi/stat.ts";
import type { Kernel } from "../../kernel.ts";
import { tcpTable } from "../../net/proc-net.ts";
import { TASK_DEAD, type Task } from "../../sched/task.ts";
import { toByteString, toText } from "../byte-string.ts";
import type { File } from "../file.ts";
import { type Place, pathOf } from "../path.ts";
import { folder, link, type PseudoEntry, type PseudoTable, text } from "../pseudo-fs.ts";
import { maps, smaps, statm } from "./process-memory.ts";
import { limits, stat, status } from "./process-status.ts";

/** TASK_COMM_LEN, without the NUL. */
const COMM_BYTES_MAX = 15;
/** /proc/PID/oom_score_adj (proc(5)). */
const OOM_SCORE_ADJ_MAX = 1000;

const folders = new WeakMap<Kernel, PseudoEntry>();

/** The same entry for the same process, so that what has been looked up stays what it is. */
export function processFolder(process: Kernel): PseudoEntry {
  let entry = folders.get(process);
  if (!entry) {
    entry = folder(tableOf(process));
    folders.set(process, entry);
  }
  return entry;
}

function tableOf(p: Kernel): PseudoTable {
  return {
    stat: text((k) => stat(k, p, null)),
    statm: text(() => statm(p)),
    status: text((k) => status(k, p, null)),
    cmdline: text(() => toByteString(p.boot.args.map((arg) => `${arg}\0`).join(""))),
    environ: text(() => toByteString(p.boot.env.map((entry) => `${entry}\0`).join(""))),
    comm: commOf(p, () => mainThread(p)),
    maps: text(() => maps(p)),
    smaps: text(() => smaps(p)),
    limits: text(() => limits(p)),
    mounts: text(mounts),
    mountinfo: text(mountInfo),
    oom_score: text(() => "0\n"),
    oom_score_adj: text(
      () => `${p.linux?.oomScoreAdj ?? 0}\n`,
      (_k, written) => setOomScoreAdj(p, written),
    ),
    fd: folder(() => descriptors(p)),
    fdinfo: folder(() => descriptorInfos(p)),
    task: folder(() => tasks(p)),
    exe: link(() => executable(p)),
    cwd: placeLink(p, () => p.fs.cwd),
    root: placeLink(p, () => p.fs.root),
    net: folder(NET),
  };
}

const NET: PseudoTable = {
  tcp: text((k) => tcpTable(k, 4)),
  tcp6: text((k) => tcpTable(k, 6)),
};

/** A link to a directory of the process' own, which leads there however the reader would spell it. */
function placeLink(p: Kernel, place: () => Place): PseudoEntry {
  const isOver = (): boolean => p.linux?.ended != null;
  return link(
    (k) => (isOver() ? "" : (pathOf(k, k.fs.root, place()) ?? "(deleted)")),
    () => (isOver() ? null : place()),
  );
}

/** What has been executed; of process 1 the image, which is no file. */
function executable(p: Kernel): string {
  return p.linux?.executable ?? `/${toByteString(p.boot.name)}`;
}

function mainThread(p: Kernel): Task | null {
  for (const task of p.tasks) if (task.tid === p.pid) return task;
  return null;
}

/** The name of a thread (prctl(2), PR_SET_NAME); until it has been given one, the program's. */
function commOf(p: Kernel, task: () => Task | null): PseudoEntry {
  return text(
    () => `${comm(p, task())}\n`,
    (_k, written) => {
      const linux = task()?.linux;
      if (!linux) return -EINVAL;
      linux.name = toText(written.replace(/\n.*/s, "").slice(0, COMM_BYTES_MAX));
      return written.length;
    },
  );
}

/** As a byte string. */
export function comm(p: Kernel, task: Task | null): string {
  return toByteString(task?.linux?.name || p.boot.name).slice(0, COMM_BYTES_MAX);
}

function setOomScoreAdj(p: Kernel, written: string): number {
  const value = Number(written.trim());
  if (!Number.isInteger(value) || Math.abs(value) > OOM_SCORE_ADJ_MAX) return -EINVAL;
  if (p.linux) p.linux.oomScoreAdj = value;
  return written.length;
}

function tasks(p: Kernel): PseudoTable {
  const table: Record<string, PseudoEntry> = {};
  for (const task of p.tasks) {
    if (task.state === TASK_DEAD) continue;
    table[task.tid] = folder({
      stat: text((k) => stat(k, p, task)),
      status: text((k) => status(k, p, task)),
      comm: commOf(p, () => task),
    });
  }
  return table;
}

function descriptors(p: Kernel): PseudoTable {
  const table: Record<string, PseudoEntry> = {};
  for (const [fd, file] of p.fds.entries()) {
    table[fd] = link(
      (k) => nameOf(k, file),
      (k) => k.vfs.placeOfFile(file),
    );
  }
  return table;
}

function descriptorInfos(p: Kernel): PseudoTable {
  const table: Record<string, PseudoEntry> = {};
  for (const [fd, file] of p.fds.entries()) {
    table[fd] = text((k) => {
      const flags = file.flags | (p.fds.isCloexec(fd) ? O_CLOEXEC : 0);
      const offset = Math.max(0, file.seekable?.seek(k, 0, SEEK_CUR) ?? 0);
      return `pos:\t${offset}\nflags:\t0${flags.toString(8)}\nmnt_id:\t0\n`;
    });
  }
  return table;
}

/** What the link of a descriptor says. A file that has no path is named by its kind, as Linux does it. */
export function nameOf(k: Kernel, file: File): string {
  if ("path" in file && typeof file.path === "string") {
    const out = emptyStat();
    const isGone = file.kind === "regular" && file.stat(k, out) === 0 && out.nlink === 0;
    return isGone && !file.path.endsWith(" (deleted)") ? `${file.path} (deleted)` : file.path;
  }
  if (file.kind === "socket" || file.kind === "fifo") return `${file.kind === "fifo" ? "pipe" : "socket"}:[1]`;
  return `anon_inode:[${file.kind}]`;
}

/** As getmntent(3) reads it: space, tab, newline and backslash in octal. */
function escaped(name: string): string {
  return name.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function mounts(k: Kernel): string {
  return k.vfs.mounts
    .map(
      ({ fs, path, readOnly }) => `${escaped(fs.source)} ${escaped(path)} ${fs.type} ${readOnly ? "ro" : "rw"} 0 0\n`,
    )
    .join("");
}

function mountInfo(k: Kernel): string {
  return k.vfs.mounts
    .map(({ fs, path, readOnly, parent }) => {
      const above = parent ? parent.fs.dev : 0;
      const access = readOnly ? "ro" : "rw";
      return `${fs.dev} ${above} 0:${fs.dev} / ${escaped(path)} ${access} - ${fs.type} ${escaped(fs.source)} ${access}\n`;
    })
    .join("");
}
