/** CLIENT PAUSE: commands wait in their client until UNPAUSE or the end of the time. */
import { Client, CLIENT_PAUSED, clientsHead } from "./client";
import { Command } from "./command";
import { monoMs } from "./server";
import { queueUnblocked } from "./blocked";
import { postpone } from "./postponed";
import { standinsUnpause } from "./shard-serve";

/** 0 none, 1 commands that write, 2 all. */
export let pauseKind: i32 = 0;
export let pauseEnd: f64 = 0;

/** Begins a pause, or makes it longer or stricter. */
export function pauseStart(end: f64, kind: i32): void {
  if (kind > pauseKind) pauseKind = kind;
  if (end > pauseEnd) pauseEnd = end;
}
export function pauseStop(): void {
  if (!pauseKind) return;
  pauseKind = 0;
  pauseEnd = 0;
  for (let p = clientsHead; p; p = changetype<Client>(p).next) {
    const c = changetype<Client>(p);
    if (c.flags & CLIENT_PAUSED) {
      c.flags &= ~CLIENT_PAUSED;
      queueUnblocked(c);
    }
  }
  standinsUnpause();
}
/** From the cron. */
export function pauseCron(): void {
  if (pauseKind && monoMs >= pauseEnd) pauseStop();
}
/** Keeps the request for later; false when it cannot be kept (it then runs at once). */
export function clientPause(c: Client, m: Command): bool {
  if (!postpone(c)) return false;
  c.flags |= CLIENT_PAUSED;
  return true;
}
