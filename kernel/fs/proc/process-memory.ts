/**
 * /proc/PID/maps, smaps and statm: the memory of a process. A Linux program has its mappings; a guest of another personality has its linear
 * memory as one. Everything mapped is resident, and a process shares nothing but what it has mapped so.
 */
import { PROT_EXEC, PROT_READ, PROT_WRITE } from "../../abi/mman.ts";
import { emptyStat } from "../../abi/stat.ts";
import type { Kernel } from "../../kernel.ts";
import { type Mapping, PAGE_BYTES } from "../../mem/mapping.ts";
import { toByteString } from "../byte-string.ts";
import { nameOf } from "./process-folder.ts";

const WASM_PAGE_BYTES = 65536;

/** Bytes of linear memory, and of them what the process uses. */
export function memoryOf(p: Kernel): { readonly size: number; readonly resident: number } {
  if (p.linux?.ended) return { size: 0, resident: 0 };
  return { size: p.mem.size, resident: p.linux?.space?.mappedBytes ?? p.mem.size };
}

/** What a page is for sysconf(3) of the process' programs: linear memory's for those that see it as it is. */
export function pageBytes(p: Kernel): number {
  return p.linux?.space ? PAGE_BYTES : WASM_PAGE_BYTES;
}

export function statm(p: Kernel): string {
  const { size, resident } = memoryOf(p);
  const pages = (bytes: number): number => Math.ceil(bytes / pageBytes(p));
  return `${pages(size)} ${pages(resident)} 0 0 0 ${pages(resident)} 0\n`;
}

export function maps(p: Kernel): string {
  return rangesOf(p)
    .map(({ line }) => line)
    .join("");
}

export function smaps(p: Kernel): string {
  return rangesOf(p)
    .map(({ line, bytes, isShared }) => line + details(bytes / 1024, isShared))
    .join("");
}

interface MemoryRange {
  readonly line: string;
  readonly bytes: number;
  readonly isShared: boolean;
}

function rangesOf(p: Kernel): MemoryRange[] {
  if (p.linux?.ended) return [];
  const space = p.linux?.space;
  if (!space) {
    return [{ line: `${range(0, p.mem.size)} rw-p 00000000 00:00 0 [memory]\n`, bytes: p.mem.size, isShared: false }];
  }
  return space.mappings.map((mapping) => ({
    line: mappingLine(p, mapping),
    bytes: mapping.end - mapping.start,
    isShared: mapping.isShared,
  }));
}

function mappingLine(p: Kernel, { start, end, prot, kind, isShared, file, object, offset }: Mapping): string {
  const bit = (mask: number, letter: string): string => ((prot & mask) !== 0 ? letter : "-");
  const rights = kind === "program" ? "rwx" : `${bit(PROT_READ, "r")}${bit(PROT_WRITE, "w")}${bit(PROT_EXEC, "x")}`;
  const st = emptyStat();
  if (file) file.stat(p, st);
  const at = file || object ? offset : 0;
  const dev = `00:${st.dev.toString(16).padStart(2, "0")}`;
  const columns = `${range(start, end)} ${rights}${isShared ? "s" : "p"} ${at.toString(16).padStart(8, "0")} ${dev} ${st.ino} `;
  const name =
    kind === "program" ? toByteString(p.boot.name) : kind === "heap" ? "[heap]" : file ? nameOf(p, file) : "";
  return `${name === "" ? columns : columns.padEnd(73) + name}\n`;
}

/** What smaps has below each line; kB. Private memory is dirty: there is no file behind it, and none is shared by fork(2). */
function details(kb: number, isShared: boolean): string {
  const rows: [string, number][] = [
    ["Size", kb],
    ["KernelPageSize", PAGE_BYTES / 1024],
    ["MMUPageSize", PAGE_BYTES / 1024],
    ["Rss", kb],
    ["Pss", kb],
    ["Shared_Clean", 0],
    ["Shared_Dirty", isShared ? kb : 0],
    ["Private_Clean", 0],
    ["Private_Dirty", isShared ? 0 : kb],
    ["Referenced", kb],
    ["Anonymous", isShared ? 0 : kb],
    ["LazyFree", 0],
    ["AnonHugePages", 0],
    ["ShmemPmdMapped", 0],
    ["Swap", 0],
    ["SwapPss", 0],
    ["Locked", 0],
  ];
  return `${rows.map(([name, value]) => `${`${name}:`.padEnd(16)}${String(value).padStart(8)} kB\n`).join("")}VmFlags: rd wr mr mw me\n`;
}

function range(start: number, end: number): string {
  return `${start.toString(16).padStart(8, "0")}-${end.toString(16).padStart(8, "0")}`;
}
