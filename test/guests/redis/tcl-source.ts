/**
 * Redis' own test suite as Debian ships it (guests/linux/debian-source.ts), and a view of it for every run.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { debianSources } from "../../../guests/linux/debian-source.ts";

/** The folder with `runtest`; throws with one line that says what is missing. */
export async function redisSource(): Promise<string> {
  const folder = (await debianSources(["redis"])).get("redis");
  if (folder === undefined || !existsSync(join(folder, "runtest"))) {
    throw new Error("Debian's source of redis has no runtest script");
  }
  return folder;
}

/**
 * A folder that looks like the source, made of links, with its own tests/tmp: runtest removes other runs' temporary files when it starts.
 * `programs` are found in its src, as if they had been built there: absolute paths of installed ones.
 */
export function privateView(source: string, programs: readonly string[] = []): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "redis-tcl-"));
  const own = new Set(["", "src", "tests", "tests/tmp"]);
  const mirror = (path: string): void => {
    mkdirSync(join(folder, path), { recursive: true });
    for (const entry of readdirSync(join(source, path))) {
      const inner = join(path, entry);
      if (inner === "tests/tmp") mkdirSync(join(folder, inner));
      else if (own.has(inner)) mirror(inner);
      else symlinkSync(join(source, inner), join(folder, inner));
    }
  };
  mirror("");
  mkdirSync(join(folder, "tests/tmp"), { recursive: true });
  for (const program of programs) {
    const link = join(folder, "src", basename(program));
    rmSync(link, { force: true });
    symlinkSync(program, link);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
