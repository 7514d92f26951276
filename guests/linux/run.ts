/** Running programs: quietly, a few at a time, and with their last words in the error when they fail. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

/** Compilers at a time. */
export const PARALLEL = Math.max(1, Math.min(8, availableParallelism()));

const TAIL_BYTES = 4000;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a build must not depend on: language, time zone, time, the repository around it, flags that the user's shell exports. */
const CLEAN_ENVIRONMENT: Readonly<Record<string, string | undefined>> = {
  LC_ALL: "C",
  TZ: "UTC",
  GIT_DIR: "/dev/null",
  // A fixed day: what programs print as their build date.
  SOURCE_DATE_EPOCH: "1700000000",
  ...Object.fromEntries(
    ["CFLAGS", "CPPFLAGS", "LDFLAGS", "LIBS", "MAKEFLAGS", "MFLAGS", "CPATH"].map((name) => [name, undefined]),
  ),
};

/** Runs a program; resolves to its stdout, or rejects with the end of what it printed. */
export function run(program: string, args: readonly string[], { cwd, env }: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...CLEAN_ENVIRONMENT, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      all += text;
    });
    child.on("error", (error) => reject(new Error(`${program}: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new Error(
            `${program} ${args.slice(0, 6).join(" ")} … ended with ${signal ?? code}:\n${all.slice(-TAIL_BYTES)}`,
          ),
        );
    });
  });
}

/** Works through `items`, PARALLEL at a time; the first failure stops the rest. */
export async function forEachParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
