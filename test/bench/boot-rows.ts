/** Rows: from nothing to a server that answers, in a warm process and as a cold process. */
import { once } from "node:events";
import { boot } from "../../host/index.ts";
import { missingProgram, type ServerProcess, startBaseline, startGuest, startNative } from "../server-process.ts";
import { median, type Reading, type Row, reasonOf, type Side, sides } from "./row.ts";

type Start = Partial<Record<Side, () => Promise<ServerProcess>>>;

/** `images`: those of `redis` and `redis-server` that are there. */
export async function bootRows(
  images: readonly string[],
  quick: boolean,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const image of images) {
    const start: Start = {
      guest: () => startGuest({ image }),
      ...(image === "redis" && { baseline: () => startBaseline() }),
      native: () => startNative(),
    };
    const warm = `boot('${image}') to ready, warm process`;
    const cold = image === "redis" ? "process start to first PONG" : `${image}: process start to first PONG`;
    if (wanted(warm)) rows.push(await warmRow(warm, image, quick ? 5 : 20, progress));
    if (wanted(cold)) rows.push(await coldRow(cold, start, quick ? 2 : 7, progress));
  }
  return rows;
}

/** `boot(image)` again and again in this process; the module is compiled once, as an embedder's second machine would find it. */
async function warmRow(name: string, image: string, rounds: number, progress: (text: string) => void): Promise<Row> {
  const row = { group: "boot", name, unit: "ms", smallerIsBetter: true };
  const times: number[] = [];
  try {
    for (let round = -3; round < rounds; round++) {
      progress(`boot('${image}') in this process, ${Math.max(0, round)} of ${rounds}`);
      const started = performance.now();
      const machine = await boot(image, { publish: { 6379: 0 } });
      if (round >= 0) times.push(performance.now() - started);
      const peer = machine.connect(6379);
      peer.write("PING\r\n");
      const [answer] = (await once(peer, "data")) as [Buffer];
      if (!answer.toString().startsWith("+PONG")) throw new Error(`the machine said ${answer} to PING`);
      peer.destroy();
      await machine.stop();
    }
    return { ...row, readings: { guest: { value: median(times), rounds: times } }, missing: {} };
  } catch (error) {
    return { ...row, readings: {}, missing: { guest: reasonOf(error) } };
  }
}

async function coldRow(name: string, start: Start, rounds: number, progress: (text: string) => void): Promise<Row> {
  const times: Record<Side, number[]> = { guest: [], baseline: [], native: [] };
  const missing: Partial<Record<Side, string>> = {};
  const noNative = missingProgram("redis-server");
  if (noNative) missing.native = noNative;
  for (let round = 0; round < rounds; round++) {
    progress(`${name}, ${round} of ${rounds}`);
    for (const side of sides) {
      const begin = start[side];
      if (!begin || missing[side] !== undefined) continue;
      try {
        const server = await begin();
        times[side].push(server.firstPongMs);
        await server.stop();
      } catch (error) {
        missing[side] = reasonOf(error);
      }
    }
  }
  const readings: Partial<Record<Side, Reading>> = {};
  for (const side of sides) {
    if (times[side].length > 0 && missing[side] === undefined)
      readings[side] = { value: median(times[side]), rounds: times[side] };
  }
  return { group: "boot", name, unit: "ms", smallerIsBetter: true, readings, missing };
}
