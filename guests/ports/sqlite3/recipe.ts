/** SQLite's shell with the options that Debian gives it, from the amalgamation that its own build makes. */
import { join } from "node:path";
import type { Recipe } from "../../linux/port.ts";

const OPTIONS = [
  "SQLITE_THREADSAFE=1",
  "SQLITE_SECURE_DELETE",
  "SQLITE_ENABLE_COLUMN_METADATA",
  "SQLITE_ENABLE_FTS3",
  "SQLITE_ENABLE_FTS3_PARENTHESIS",
  "SQLITE_ENABLE_FTS3_TOKENIZER",
  "SQLITE_ENABLE_FTS4",
  "SQLITE_ENABLE_FTS5",
  "SQLITE_ENABLE_RTREE",
  "SQLITE_ENABLE_GEOPOLY",
  "SQLITE_ENABLE_DBSTAT_VTAB",
  "SQLITE_ENABLE_DBPAGE_VTAB",
  "SQLITE_ENABLE_DESERIALIZE",
  "SQLITE_ENABLE_EXPLAIN_COMMENTS",
  "SQLITE_ENABLE_LOAD_EXTENSION",
  "SQLITE_ENABLE_PREUPDATE_HOOK",
  "SQLITE_ENABLE_SESSION",
  "SQLITE_ENABLE_STMTVTAB",
  "SQLITE_ENABLE_UNLOCK_NOTIFY",
  "SQLITE_ENABLE_UPDATE_DELETE_LIMIT",
  "SQLITE_HAVE_ISNAN",
  "SQLITE_LIKE_DOESNT_MATCH_BLOBS",
  "SQLITE_MAX_SCHEMA_RETRY=25",
  "SQLITE_MAX_VARIABLE_NUMBER=250000",
  "SQLITE_USE_URI",
  "SQLITE_OMIT_LOAD_EXTENSION",
  "HAVE_USLEEP=1",
  "HAVE_FDATASYNC=1",
  "HAVE_LOCALTIME_R=1",
  "HAVE_GMTIME_R=1",
  "HAVE_PREAD=1",
  "HAVE_PWRITE=1",
];

export const recipe: Recipe = {
  sources: ["sqlite3"],
  async build({ cc, target, copySource, run }) {
    const cwd = copySource("sqlite3");
    // The generated sources are the same for every machine: the host's compiler makes the parser generator.
    await run(
      "./configure",
      [`--host=${target}`, "--disable-tcl", "--disable-readline", "--disable-shared", `CC=${cc}`, "BUILD_CC=gcc"],
      { cwd },
    );
    await run("make", ["sqlite3.c", "shell.c", "BCC=gcc", "TCLSH_CMD=tclsh"], { cwd });
    const program = join(cwd, "sqlite3.wasm");
    const flags = ["-O2", "-s", ...OPTIONS.map((option) => `-D${option}`), "-I."];
    // The shell's .shell, .system and pipes are called straight from its main loop.
    await run(cc, [...flags, "--ringzero-fork-callers=main", "shell.c", "sqlite3.c", "-o", program], { cwd });
    return program;
  },
};
