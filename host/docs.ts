/**
 * `npm run docs`: writes the pages that are generated from the code, and from the last conformance run.
 */
import { writeFileSync } from "node:fs";
import { checkedPrograms } from "../guests/check/programs.ts";
import { conformancePage } from "../kernel/syscall/linux/page.ts";
import { LINUX_TABLE } from "../kernel/syscall/linux/table.ts";
import { compatibilityPage } from "../kernel/syscall/page.ts";
import { TABLE } from "../kernel/syscall/table.ts";
import { wasiPage } from "../kernel/syscall/wasi/page.ts";
import { WASI_TABLE } from "../kernel/syscall/wasi/table.ts";

const write = (path: string, text: string): void => writeFileSync(new URL(`../${path}`, import.meta.url), text);

write("kernel/syscall/README.md", compatibilityPage(TABLE));
write("kernel/syscall/linux/README.md", conformancePage(LINUX_TABLE, checkedPrograms()));
write("kernel/syscall/wasi/README.md", wasiPage(WASI_TABLE));
