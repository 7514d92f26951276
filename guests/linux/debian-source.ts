/**
 * Debian's source packages, fetched with `apt-get source` into a folder and kept there. Nothing on the system is changed: apt gets
 * a private source list and private state, made from the machine's own entries with `deb` turned into `deb-src`. No root needed.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where sources are kept: a folder per package, in it the unpacked one. */
export const SOURCES = join(dirname(fileURLToPath(import.meta.url)), "../.build/sources");

/** The unpacked sources of Debian packages, by name; throws with one line that says what is missing. */
export async function debianSources(names: readonly string[]): Promise<Map<string, string>> {
  const missing = names.filter((name) => keptSource(name) === undefined);
  if (missing.length > 0) await fetchSources(missing);
  return new Map(
    names.map((name) => {
      const folder = keptSource(name);
      if (folder === undefined) throw new Error(`apt-get source ${name} left no unpacked folder`);
      return [name, folder];
    }),
  );
}

/**
 * One folder of a package's upstream source, and nothing else of it: for packages of which little is needed. Throws as above.
 */
export async function debianSourceFolder(name: string, folder: string): Promise<string> {
  const kept = join(SOURCES, `${name}.${basename(folder)}`);
  if (existsSync(kept)) return kept;
  await withSources([name], "tar", async (options, work) => {
    await apt([...options, "source", "--download-only", "--tar-only", name], work);
    const tar = readdirSync(work).find((file) => file.startsWith(`${name}_`) && /\.orig\.tar\./.test(file));
    if (tar === undefined) throw new Error(`apt-get source --tar-only ${name} left no archive`);
    const unpacked = join(work, "unpacked");
    mkdirSync(unpacked);
    const depth = 1 + folder.split("/").length;
    const result = spawnSync(
      "tar",
      ["-xf", join(work, tar), "-C", unpacked, `--strip-components=${depth}`, "--wildcards", `*/${folder}/*`],
      { encoding: "utf8" },
    );
    if (result.status !== 0) throw new Error(`tar: ${result.error?.message ?? result.stderr}`);
    renameSync(unpacked, kept);
  });
  return kept;
}

function keptSource(name: string): string | undefined {
  const kept = join(SOURCES, name);
  if (!existsSync(kept)) return undefined;
  const folder = readdirSync(kept, { withFileTypes: true }).find((entry) => entry.isDirectory());
  return folder && join(kept, folder.name);
}

async function fetchSources(names: readonly string[]): Promise<void> {
  await withSources(names, "dpkg-source", async (options, work) => {
    for (const name of names) {
      const folder = join(work, name);
      mkdirSync(folder);
      await apt([...options, "source", name], folder);
      rmSync(join(SOURCES, name), { recursive: true, force: true });
      renameSync(folder, join(SOURCES, name));
    }
  });
}

const PACKAGES = { "apt-get": "apt", "dpkg-source": "dpkg-dev", tar: "tar" } as const;

/** Runs `fetch` with the options that give apt-get a list of sources, and a folder for its files that goes afterwards. */
async function withSources(
  names: readonly string[],
  unpacker: "dpkg-source" | "tar",
  fetch: (options: readonly string[], work: string) => Promise<void>,
): Promise<void> {
  for (const program of ["apt-get", unpacker] as const) {
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).error) {
      throw new Error(`${names.join(", ")}: Debian's sources need ${program} (Debian, package ${PACKAGES[program]})`);
    }
  }
  const work = `${SOURCES}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  for (const folder of ["lists.d", "state/lists/partial", "cache/archives/partial"]) {
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
    await apt([...options, "update"], work);
    mkdirSync(SOURCES, { recursive: true });
    await fetch(options, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs apt-get; its messages end up in the error if it fails. */
export function apt(args: readonly string[], cwd?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("apt-get", ["-q", ...args], {
      cwd,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", (error) => reject(new Error(`apt-get: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`apt-get ${args.at(-1)} failed:\n${output}`));
    });
  });
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
