/** Rows: from nothing to a server that answers, in a warm process and as a cold process. */
import { once } from "node:events";
import { boot } from "../../host/index.ts";
import { missingProgram, type ServerProcess, startBaseline, startGuest, startNative } from "../server-process.ts";
import { median, type Reading, type Row, reasonOf, type Side, sides } from "./row.ts";

export async function bootRows(
  quick: boolean,
  wanted: (name: string) => boolean,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  if (wanted("boot, warm process")) rows.push(await warmRow(quick ? 5 : 20, progress));
  if (wanted("first PONG, cold process")) rows.push(await coldRow(quick ? 2 : 7, progress));
  return rows;
}

/** `boot('redis')` again and again in this process; the module is compiled once, as an embedder's second machine would find it. */
async function warmRow(rounds: number, progress: (text: string) => void): Promise<Row> {
  const row = { group: "boot", name: "boot('redis') to ready, warm process", unit: "ms", smallerIsBetter: true };
  const times: number[] = [];
  try {
    for (let round = -3; round < rounds; round++) {
      progress(`boot('redis') in this process, ${Math.max(0, round)} of ${rounds}`);
      const started = performance.now();
      const machine = await boot("redis", { publish: { 6379: 0 } });
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

async function coldRow(rounds: number, progress: (text: string) => void): Promise<Row> {
  const start: Record<Side, () => Promise<ServerProcess>> = {
    guest: () => startGuest(),
    baseline: () => startBaseline(),
    native: () => startNative(),
  };
  const times: Record<Side, number[]> = { guest: [], baseline: [], native: [] };
  const missing: Partial<Record<Side, string>> = {};
  const noNative = missingProgram("redis-server");
  if (noNative) missing.native = noNative;
  for (let round = 0; round < rounds; round++) {
    progress(`cold start, ${round} of ${rounds}`);
    for (const side of sides) {
      if (missing[side] !== undefined) continue;
      try {
        const server = await start[side]();
        times[side].push(server.firstPongMs);
        await server.stop();
      } catch (error) {
        missing[side] = reasonOf(error);
      }
    }
  }
  const readings: Partial<Record<Side, Reading>> = {};
  for (const side of sides) {
    if (missing[side] === undefined) readings[side] = { value: median(times[side]), rounds: times[side] };
  }
  return { group: "boot", name: "process start to first PONG", unit: "ms", smallerIsBetter: true, readings, missing };
}
