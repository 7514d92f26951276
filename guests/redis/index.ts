/** The redis guest. */
import { heapInit } from "./alloc";
import { argsInit } from "./client";
import * as keyspace from "./keyspace";
import * as scan from "./scan";
import * as arguments_ from "./arguments";
import * as reply from "./reply";
import * as command from "./command";
import * as dict from "./dict";
import * as bytes from "./bytes";
export { keyspace, scan, arguments_, reply, command, dict, bytes };
export function _start(): void {
  heapInit();
  argsInit();
}
