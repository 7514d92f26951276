/**
 * The redis guest: boot, and the two exports the machine calls.
 */
import { sys_bind, sys_close, sys_exit_group, sys_getrandom, sys_listen, sys_setsockopt, sys_socket } from "../lib/sys";
import { heapInit } from "../lib/raw/alloc";
import { aofLoad } from "./aof";
import { adminInit, registerAdminCommands } from "./admin";
import { hashInit } from "../lib/raw/bytes";
import { argsInit } from "./client";
import { configBoot } from "./config-file";
import { registerConnectionCommands } from "./connection";
import { registerContainerCommands } from "./container";
import { dbInit } from "./keyspace";
import { registerBitCommands } from "./bits";
import { registerDebugCommands } from "./debug";
import { registerKeyCommands } from "./keys";
import { dispatch, loopInit, loopListen, loopStartCron } from "./loop";
import { registerMonitorCommands } from "./monitor";
import { registerMultiCommands } from "./multi";
import { randomInit, randomU64 } from "../lib/raw/random";
import {
  bootMsSet,
  cfg,
  clockRefresh,
  configDefaults,
  log,
  LOG_NOTICE,
  LOG_WARNING,
  logBegin,
  logEnd,
  logInt,
  logText,
  runId,
} from "./server";
import { shardInit } from "./shard-route";
import { registerShutdownCommands } from "./shutdown";
import { registerStringCommands } from "./strings";
import { registerUnsupportedCommands } from "./unsupported";

const seed = memory.data(32, 16);
const address = memory.data(16, 16);
const option = memory.data(4, 4);

const AF_INET: i32 = 2;
const SOCK_STREAM: i32 = 1;
const SOL_SOCKET: i32 = 1;
const SO_REUSEADDR: i32 = 2;

function listenOn(port: i32): i32 {
  const fd = sys_socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return fd;
  store<i32>(option, 1);
  sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, option, 4);
  store<u16>(address, <u16>AF_INET);
  store<u16>(address, bswap<u16>(<u16>port), 2);
  store<u32>(address, 0, 4); // 0.0.0.0: which host address it is bound to is the machine's matter
  let r = sys_bind(fd, address, 16);
  if (r >= 0) r = sys_listen(fd, cfg.tcpBacklog);
  if (r < 0) {
    sys_close(fd);
    return r;
  }
  return fd;
}

export function _start(): void {
  heapInit();
  sys_getrandom(seed, 32, 0);
  hashInit(load<u64>(seed), load<u64>(seed, 8));
  randomInit(load<u64>(seed, 16), load<u64>(seed, 24));
  for (let i: usize = 0; i < 40; i++) {
    const digit = <u32>(randomU64() & 15);
    store<u8>(runId + i, <u8>(digit < 10 ? 48 + digit : 87 + digit));
  }
  clockRefresh();
  bootMsSet();
  configDefaults();
  configBoot();
  argsInit();
  dbInit();
  registerStringCommands();
  registerBitCommands();
  registerKeyCommands();
  registerConnectionCommands();
  registerMultiCommands();
  registerMonitorCommands();
  registerShutdownCommands();
  registerDebugCommands();
  registerContainerCommands();
  registerAdminCommands();
  registerUnsupportedCommands();
  adminInit();
  log(LOG_NOTICE, "Server initialized");
  loopInit();
  shardInit();
  aofLoad();
  if (cfg.port > 0) {
    const fd = listenOn(cfg.port);
    if (fd < 0) {
      logBegin(LOG_WARNING, "Failed listening on port ");
      logInt(cfg.port);
      logText(" (errno ");
      logInt(-fd);
      logText("), aborting.");
      logEnd();
      sys_exit_group(1);
      return;
    }
    loopListen(fd);
  }
  loopStartCron();
  log(LOG_NOTICE, "Ready to accept connections");
}

export function ring_dispatch(count: i32, monotonicMs: f64, realtimeMs: f64): void {
  dispatch(count, monotonicMs, realtimeMs);
}
