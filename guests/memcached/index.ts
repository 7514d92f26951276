/**
 * The memcached guest: boot, and the two exports the machine calls.
 */
import { heapGrowMax, heapInit } from "../lib/raw/alloc";
import { hashInit } from "../lib/raw/bytes";
import { sys_exit_group, sys_shard_count, sys_shard_secret } from "../lib/sys";
import { clockInit } from "./clock";
import { commandLine } from "./command-line";
import { listenTcp, listenUdp } from "./listen";
import { dispatch, loopInit } from "./loop";
import { maintainerInit } from "./maintainer";
import { portsFileBegin, portsFileEnd } from "./ports-file";
import { settings, settingsDefaults } from "./settings";
import { PAGE_BYTES } from "./slabs";
import { shardInit } from "./shard-route";
import { storeInit } from "./store";

const EX_OSERR: i32 = 71;
const seed = memory.data(16, 16);

export function _start(): void {
  heapInit();
  heapGrowMax(PAGE_BYTES);
  sys_shard_secret(seed); // all shards hash alike
  hashInit(load<u64>(seed), load<u64>(seed, 8));
  clockInit();
  settingsDefaults();
  commandLine();
  settings.maxbytes /= sys_shard_count(); // -m is what all shards have together
  storeInit();
  loopInit();
  shardInit();
  maintainerInit();
  portsFileBegin();
  if (settings.port && !listenTcp()) sys_exit_group(EX_OSERR);
  if (settings.udpport && !listenUdp()) sys_exit_group(EX_OSERR);
  portsFileEnd();
}

export function ring_dispatch(count: i32, monotonicMs: f64, realtimeMs: f64): void {
  dispatch(count, monotonicMs, realtimeMs);
}
