/** SQLite's shell with Debian's options (but for loadable extensions), from the amalgamation that its own build makes. */
import { join } from "node:path";
import type { Recipe } from "../../linux/port.ts";

const OPTIONS = [
  "SQLITE_THREADSAFE=1",
  "SQLITE_SECURE_DELETE",
  "SQLITE_SOUNDEX=1",
  "SQLITE_OMIT_LOOKASIDE=1",
  "SQLITE_ALLOW_ROWID_IN_VIEW",
  "SQLITE_ENABLE_COLUMN_METADATA",
  "SQLITE_ENABLE_FTS3",
  "SQLITE_ENABLE_FTS3_PARENTHESIS",
  "SQLITE_ENABLE_FTS3_TOKENIZER=1",
  "SQLITE_ENABLE_FTS4",
  "SQLITE_ENABLE_FTS5",
  "SQLITE_ENABLE_RTREE=1",
  "SQLITE_ENABLE_MATH_FUNCTIONS",
  "SQLITE_ENABLE_DBSTAT_VTAB",
  "SQLITE_ENABLE_PREUPDATE_HOOK",
  "SQLITE_ENABLE_SESSION",
  "SQLITE_ENABLE_STMTVTAB",
  "SQLITE_ENABLE_UNLOCK_NOTIFY",
  "SQLITE_ENABLE_UPDATE_DELETE_LIMIT=1",
  "SQLITE_LIKE_DOESNT_MATCH_BLOBS",
  "SQLITE_MAX_SCHEMA_RETRY=25",
  "SQLITE_MAX_VARIABLE_NUMBER=250000",
  "SQLITE_USE_URI=1",
  "SQLITE_OMIT_LOAD_EXTENSION",
  // What its configure script would find.
  "HAVE_FDATASYNC=1",
  "HAVE_GMTIME_R=1",
  "HAVE_ISNAN=1",
  "HAVE_LOCALTIME_R=1",
  "HAVE_MALLOC_USABLE_SIZE=1",
  "HAVE_PREAD=1",
  "HAVE_PWRITE=1",
  "HAVE_STRERROR_R=1",
  "HAVE_USLEEP=1",
];

export const recipe: Recipe = {
  sources: ["sqlite3"],
  async build({ cc, work, copySource, run }) {
    const cwd = copySource("sqlite3");
    const options = OPTIONS.map((option) => `-D${option}`);
    // The host's compiler makes the parser generator; the two generated sources are the same for every machine.
    await run("./configure", ["--disable-tcl", "--disable-readline", "--disable-shared", "CC=gcc"], { cwd });
    await run("make", ["sqlite3.c", "shell.c", "TCLSH_CMD=tclsh", `OPTS=${options.join(" ")}`], { cwd });
    const program = join(work, "sqlite3.wasm");
    // The shell's .shell, .system and pipes are called straight from its main loop.
    const flags = ["-O2", "-s", "-I.", ...options, "--ringzero-fork-callers=main"];
    await run(cc, [...flags, "shell.c", "sqlite3.c", "-lm", "-o", program], { cwd });
    return program;
  },
};
