/**
 * Redis' own test suite as Debian ships it: fetched with `apt-get source redis`
 * into guests/.build (git-ignored) and kept there. Nothing on the system is
 * changed: apt gets a private source list and private state, made from the
 * machine's own entries with `deb` turned into `deb-src`. No root needed.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../../server-process.ts";

const keptFolder = join(repositoryRoot, "guests/.build/redis-source");

/** The folder with `runtest`; throws with one line that says what is missing. */
export function redisSource(): string {
  const kept = sourceIn(keptFolder);
  if (kept !== undefined) return kept;
  for (const [program, debianPackage] of [
    ["apt-get", "apt"],
    ["dpkg-source", "dpkg-dev"],
  ] as const) {
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).error) {
      throw new Error(
        `the Tcl suite comes from Debian's source package: ${program} is needed (Debian, package ${debianPackage})`,
      );
    }
  }
  const work = `${keptFolder}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  for (const folder of ["lists.d", "state/lists/partial", "cache/archives/partial", "source"]) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  try {
    if (writeSourceLists(join(work, "lists.d")) === 0) {
      throw new Error("no Debian entry in /etc/apt/sources.list or sources.list.d to turn into deb-src");
    }
    const options = [
      ["Dir::Etc::SourceList", "/dev/null"],
      ["Dir::Etc::SourceParts", join(work, "lists.d")],
      ["Dir::State::Lists", join(work, "state/lists")],
      ["Dir::Cache", join(work, "cache")],
      ["APT::Sandbox::User", ""], // the private folders belong to us, not to _apt
      ["Acquire::Languages", "none"],
    ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    apt([...options, "update"], work);
    apt([...options, "source", "redis"], join(work, "source"));
    rmSync(keptFolder, { recursive: true, force: true });
    renameSync(join(work, "source"), keptFolder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const fetched = sourceIn(keptFolder);
  if (fetched === undefined) throw new Error("apt-get source redis left no folder with a runtest script");
  return fetched;
}

/**
 * A folder that looks like the source, made of links, with its own tests/tmp: runtest removes other runs' temporary files when it starts.
 */
export function privateView(source: string): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "redis-tcl-"));
  const own = new Set(["", "tests", "tests/tmp"]);
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
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function sourceIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((entry) => existsSync(join(folder, entry, "runtest")));
  return name === undefined ? undefined : join(folder, name);
}

function apt(args: string[], cwd: string): void {
  const result = spawnSync("apt-get", ["-q", ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status !== 0) {
    throw new Error(`apt-get ${args.at(-1)} failed:\n${result.stdout}${result.stderr}`);
  }
}

/** Copies the machine's Debian entries as source entries; how many there were. */
function writeSourceLists(folder: string): number {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readText("/etc/os-release"))?.[1]?.replaceAll('"', "") ?? "";
  const isDebianSuite = (suite: string): boolean => suite.replace(/[-/].*$/, "") === codename && codename !== "";
  let entries = 0;
  const parts = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : []),
  ];
  for (const [index, file] of files.entries()) {
    const text = readText(file);
    if (file.endsWith(".sources")) {
      // deb822: paragraphs of fields; comments may stand anywhere.
      for (const [paragraphIndex, paragraph] of text.split(/\n\s*\n/).entries()) {
        const suites = /^Suites:(.*)$/im.exec(paragraph)?.[1]?.trim().split(/\s+/) ?? [];
        if (!suites.some(isDebianSuite) || !/^Components:.*\bmain\b/im.test(paragraph)) continue;
        const source = paragraph.replace(/^Types:.*$/im, "Types: deb-src");
        writeFileSync(join(folder, `part-${index}-${paragraphIndex}.sources`), `${source}\n`);
        entries++;
      }
    } else if (file.endsWith(".list")) {
      const lines = text.split("\n").flatMap((line) => {
        const match = /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*\bmain\b.*)$/.exec(line);
        return match && isDebianSuite(match[3] ?? "") ? [line.replace(/^\s*deb/, "deb-src")] : [];
      });
      if (lines.length === 0) continue;
      writeFileSync(join(folder, `part-${index}.list`), `${lines.join("\n")}\n`);
      entries += lines.length;
    }
  }
  return entries;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
