// Reads what the steps of .ci/run left behind and prints the last line: "N passed, N failed, N skipped".
// A report that is not there is a failure, and so is a step that failed for another reason than a failed test.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder = ".", ...failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
const explained = new Set();

const vitest = read("vitest.json");
if (vitest) {
  passed += vitest.numPassedTests;
  skipped += vitest.numPendingTests + vitest.numTodoTests;
  // A file that could not even be loaded has no tests in it.
  const broken = vitest.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  for (const file of broken) console.log(`failed to load: ${file.name}: ${String(file.message).split("\n")[0]}`);
  const failures = vitest.numFailedTests + broken.length;
  failed += failures;
  if (failures > 0) explained.add("npm test");
  for (const file of vitest.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === "passed") continue;
      console.log(`${test.status}: ${file.name.replace(`${process.cwd()}/`, "")}: ${test.fullName}`);
    }
  }
}
for (const [file, step] of [
  ["tcl.json", "tcl suite"],
  ["redis.json", "redis suite"],
  ["memcached.json", "memcached suite"],
]) {
  const suite = read(file);
  if (!suite) continue;
  passed += suite.passed;
  failed += suite.failed;
  skipped += suite.skipped;
  if (suite.failed > 0) explained.add(step);
}
for (const step of failedSteps) {
  console.log(`failed step: ${step}`);
  if (!explained.has(step)) failed++;
}
if (skipped > 0) console.log("a skipped test is a failure here");
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || skipped > 0 || passed === 0 ? 1 : 0;

function read(name) {
  try {
    return JSON.parse(readFileSync(join(folder, name), "utf8"));
  } catch {
    return undefined; // its step has failed and is counted as such
  }
}
