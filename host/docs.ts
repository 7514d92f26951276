/**
 * `npm run docs`: writes the pages that are generated from the code.
 */
import { writeFileSync } from "node:fs";
import { compatibilityPage } from "../kernel/syscall/page.ts";
import { TABLE } from "../kernel/syscall/table.ts";

writeFileSync(new URL("../kernel/syscall/README.md", import.meta.url), compatibilityPage(TABLE));
