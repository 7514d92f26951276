/**
 * sdk-check: the guest that proves the SDK. Not an image to be shipped: test/guests/sdk.test.ts runs it, the first argument
 * names the check. A check that holds prints `ok NAME`; one that fails says what, and the exit code is 1.
 */
import { args, env, eprintln, exit, println } from "../lib/process";
import { finish } from "./check";
import { checkFiles } from "./files";
import { checkFileRequests, checkOutgoing, checkSignal, checkTimers } from "./ring";
import { checkConnect, checkUdp } from "./sockets";
import { checkCollector, checkLocks, checkPipe } from "./threads";

export { ring_dispatch } from "../lib/ring";
export { thread_entry } from "../lib/thread";

export function _start(): void {
  const list = args();
  const name = list.length > 1 ? list[1] : "";
  const port = list.length > 2 ? I32.parseInt(list[2]) : 0;
  if (name == "collector") checkCollector(port > 0 ? port : 10);
  else if (name == "locks") checkLocks();
  else if (name == "pipe") checkPipe();
  else if (name == "files") checkFiles(list.length > 2 ? list[2] : "/tmp");
  else if (name == "connect") checkConnect(port);
  else if (name == "udp") checkUdp(port);
  else if (name == "abort") throw new Error("boom é " + (env("WHY") || "no reason"));
  else if (name == "bounds") println(list[list.length].length.toString());
  else if (name == "exit") exit(port);
  else if (name == "console") {
    console.log("to standard output");
    console.error("to standard error");
    trace("traced", 2, 1, 2.5);
  } else if (name == "random") println(Math.random().toString());
  else if (name == "timers") return checkTimers();
  else if (name == "file-requests") return checkFileRequests();
  else if (name == "outgoing") return checkOutgoing(port);
  else if (name == "signal") return checkSignal();
  else {
    eprintln("sdk-check: no check is called " + name);
    exit(2);
  }
  finish(name);
}
