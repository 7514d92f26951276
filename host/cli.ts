#!/usr/bin/env node
/**
 * Entry of the `ringzero` command: switches Node's compile cache on before anything else is loaded (it keeps the code with its types
 * stripped, in the system's temporary folder: half of a cold start), starts the thread that a machine will live in, so that it comes up
 * while this one reads the command line, then loads the command itself. NODE_DISABLE_COMPILE_CACHE=1 turns the cache off.
 */
import module from "node:module";

module.enableCompileCache?.(); // not on Node 20
if (process.argv[2] === "run") (await import("./machine-thread.ts")).prepareThread();
const { main } = await import("./command.ts");
await main();
