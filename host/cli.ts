#!/usr/bin/env node
/**
 * Entry of the `ringzero` command: switches Node's compile cache on before anything else is loaded (it keeps the code with its types
 * stripped, in the system's temporary folder: half of a cold start), then loads the command itself. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
import module from "node:module";

module.enableCompileCache?.(); // not on Node 20
const { main } = await import("./command.ts");
await main();
