/**
 * One guest under load, profiled: starts the machine's process, fills the guest, warms it up, and profiles it while the load generator runs.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "../../server-process.ts";
import { buildLoadGenerator, type GeneratedLoad } from "../load-generator.ts";

export const profiledGuests = { redis: 6379, memcached: 11211 } as const;
export type ProfiledGuest = keyof typeof profiledGuests;

export interface ProfiledLoad {
  readonly requests: number;
  readonly pipeline: number;
}

export const loadText = ({ pipeline }: ProfiledLoad): string =>
  `50 connections, ${pipeline === 1 ? "one request a packet" : `${pipeline} requests a packet`}, half of them sets, 100,000 keys, values of 64 bytes`;

/** The profile, as the inspector's protocol has it. */
export async function profileGuest<Profile>(
  guest: ProfiledGuest,
  what: "cpu" | "heap",
  { requests, pipeline }: ProfiledLoad,
): Promise<Profile> {
  const generator = buildLoadGenerator();
  if (typeof generator === "string") throw new Error(generator);
  execFileSync(process.execPath, ["guests/build.ts", "--quiet", "--names", guest], {
    cwd: repositoryRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const image = join(repositoryRoot, "guests/build/named", `${guest}.wasm`);
  const server = fork(fileURLToPath(new URL("profiled-server.ts", import.meta.url)), [
    image,
    String(profiledGuests[guest]),
  ]);
  try {
    const { port } = await said<{ port: number }>(server);
    const base = { protocol: guest, keys: 100_000, valueBytes: 64, connections: 50 } as const;
    const load = (count: number): GeneratedLoad => ({
      ...base,
      pipeline,
      setPercent: 50,
      amount: { requests: count },
    });
    await generator.run(port, { ...base, amount: { fill: true } });
    await generator.run(port, load(Math.ceil(requests / 4)));
    server.send(what);
    await said(server);
    await generator.run(port, load(requests));
    server.send("stop");
    return (await said<{ profile: Profile }>(server)).profile;
  } finally {
    generator.remove();
    server.kill("SIGKILL");
  }
}

async function said<Message>(server: ChildProcess): Promise<Message> {
  const ended = once(server, "exit").then(([code]) => {
    throw new Error(`the profiled server ended with ${code}`);
  });
  ended.catch(() => {});
  const [message] = (await Promise.race([once(server, "message"), ended])) as [Message];
  return message;
}

export interface ProfileArguments {
  readonly guest: ProfiledGuest;
  readonly load: ProfiledLoad;
  readonly out: string | undefined;
}

/** `redis|memcached [--pipeline N] [--requests N] [--out FILE]`; throws one line for anything else. */
export function profileArguments(args: readonly string[], requests: number): ProfileArguments {
  const [guest = "", ...options] = args;
  if (!(guest in profiledGuests)) throw new Error(`which guest? ${Object.keys(profiledGuests).join(" or ")}`);
  const load = { requests, pipeline: 1 };
  let out: string | undefined;
  for (let i = 0; i < options.length; i += 2) {
    const [name, value = ""] = options.slice(i, i + 2);
    if (name === "--out" && value !== "") out = value;
    else if ((name === "--pipeline" || name === "--requests") && /^[1-9]\d*$/.test(value)) {
      load[name === "--pipeline" ? "pipeline" : "requests"] = Number(value);
    } else throw new Error(`${name} ${value}: not understood (--pipeline N, --requests N, --out FILE)`);
  }
  return { guest: guest as ProfiledGuest, load, out };
}
