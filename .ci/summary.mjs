// Reads what the steps of .ci/run left behind and prints the last line: "N passed, N failed, N skipped".
// A report that is not there is a failure, and so is a step that failed for another reason than a failed test.
// A test that failed beside the others and passed by itself counts as passed, and is named: somebody has to make it robust.
// With --failed-files it prints the test files with failures instead, one per line.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const onlyFiles = process.argv[2] === "--failed-files";
const [folder = ".", ...failedSteps] = process.argv.slice(onlyFiles ? 3 : 2);
const MESSAGE_LINES = 12;

const first = testReport("vitest.json");
if (onlyFiles) {
  for (const file of new Set(first?.failures.map((failure) => failure.file))) console.log(file);
  process.exit();
}

let passed = 0;
let failed = 0;
let skipped = 0;
const explained = new Set();

if (first) {
  const again = testReport("vitest-again.json");
  // What the second run did not reach has failed.
  const passesAlone = ({ name }) => again?.passes.has(name) && !again.failures.some((failure) => failure.name === name);
  const unstable = first.failures.filter(passesAlone);
  const failures = first.failures.filter((failure) => !passesAlone(failure));
  passed += first.passedCount + unstable.length;
  failed += failures.length;
  skipped += first.skips.length;
  for (const name of first.skips) console.log(`skipped: ${name}`);
  for (const { name, message } of unstable) console.log(`failed once, passed by itself: ${name}\n${message}`);
  for (const { name, message } of failures) console.log(`failed: ${name}\n${message}`);
  if (first.failures.length > 0) explained.add("npm test");
  if (again) explained.add("npm test, once more");
}
for (const [file, step] of [
  ["tcl.json", "tcl suite"],
  ["redis.json", "redis suite"],
  ["memcached.json", "memcached suite"],
  ["wasi.json", "wasi suite"],
  ["memcached-guest.json", "memcached image suite"],
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

/** What vitest's JSON reporter wrote: tests by "file: name". A file that could not be loaded is one failure. */
function testReport(reportFile) {
  const report = read(reportFile);
  if (!report) return undefined;
  const passes = new Set();
  const skips = [];
  const failures = [];
  for (const { name: path, status, message, assertionResults } of report.testResults) {
    const file = path.replace(`${process.cwd()}/`, "");
    if (status === "failed" && assertionResults.length === 0) {
      failures.push({ file, name: `${file}: does not load`, message: shortened([message]) });
    }
    for (const { status: outcome, fullName, failureMessages } of assertionResults) {
      const name = `${file}: ${fullName}`;
      if (outcome === "passed") passes.add(name);
      else if (outcome === "failed") failures.push({ file, name, message: shortened(failureMessages) });
      else skips.push(name);
    }
  }
  return { passes, passedCount: report.numPassedTests, skips, failures };
}

function shortened(messages) {
  const lines = (messages ?? []).join("\n").split("\n").slice(0, MESSAGE_LINES);
  return lines.map((line) => `    ${line}`).join("\n");
}

function read(name) {
  try {
    return JSON.parse(readFileSync(join(folder, name), "utf8"));
  } catch {
    return undefined; // its step has failed and is counted as such
  }
}
