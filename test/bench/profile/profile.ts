/**
 * `npm run profile -- redis|memcached [--pipeline N] [--requests N] [--out FILE]`: where the time goes while a guest is under load, as a flame
 * graph (SVG), and in figures on stdout.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../server-process.ts";
import { type CpuProfile, flameGraph, readProfile, summarize } from "./flame-graph.ts";
import { loadText, profileArguments, profileGuest } from "./profiled-run.ts";

try {
  const { guest, load, out } = profileArguments(process.argv.slice(2), 600_000);
  const root = readProfile(await profileGuest<CpuProfile>(guest, "cpu", load));
  const file = out ?? join(repositoryRoot, "guests", guest, "profile.svg");
  writeFileSync(file, flameGraph(root, `${guest}: ${loadText(load)}`));
  const { owners, functions } = summarize(root);
  const line = (us: number, name: string): string =>
    `${((us / root.totalUs) * 100).toFixed(1).padStart(5)} %  ${((us * 1000) / load.requests).toFixed(0).padStart(5)} ns a request  ${name}`;
  console.log(
    [...owners]
      .sort((a, b) => b[1] - a[1])
      .map(([owner, us]) => line(us, owner))
      .join("\n"),
  );
  console.log(
    `\n${functions
      .slice(0, 25)
      .map(([name, us]) => line(us, name))
      .join("\n")}\n\n${file}`,
  );
} catch (error) {
  console.error(`profile: ${(error as Error).message}`);
  process.exitCode = 1;
}
