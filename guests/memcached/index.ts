/**
 * The memcached guest: boot, and the two exports the machine calls.
 */
import { heapInit } from "../lib/raw/alloc";
import { hashInit } from "../lib/raw/bytes";
import { sys_getrandom } from "../lib/sys";
import { clockInit } from "./clock";
import { settingsDefaults } from "./settings";
import { storeInit } from "./store";

const seed = memory.data(16, 16);

export function _start(): void {
  heapInit();
  sys_getrandom(seed, 16, 0);
  hashInit(load<u64>(seed), load<u64>(seed, 8));
  clockInit();
  settingsDefaults();
  storeInit();
}
