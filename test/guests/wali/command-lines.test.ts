import { describe, expect, it } from "vitest";
import { parseRuns, shellWords } from "./command-lines.ts";

describe("the CMD lines of the WALI repository's tests", () => {
  it("are one run each; the cleanup's arguments default to the setup's", () => {
    const source = `// CMD: setup="0644 /tmp/f" args="ok 0777 /tmp/f"
  // CMD:  args="fail ''" cleanup="/tmp/g"
// CMD: both
// something else
int main;`;
    expect(parseRuns(source)).toEqual([
      { setup: ["0644", "/tmp/f"], args: ["ok", "0777", "/tmp/f"], cleanup: ["0644", "/tmp/f"], env: {} },
      { setup: [], args: ["fail", ""], cleanup: ["/tmp/g"], env: {} },
      { setup: ["both"], args: ["both"], cleanup: ["both"], env: {} },
    ]);
  });

  it("set variables, empty ones too", () => {
    expect(parseRuns(`// CMD: env="A=foo B='two words' EMPTY=" args="A"`)[0]?.env).toEqual({
      A: "foo",
      B: "two words",
      EMPTY: "",
    });
  });

  it("are one run without arguments where there is none", () => {
    expect(parseRuns("int main;")).toEqual([{ setup: [], args: [], cleanup: [], env: {} }]);
  });

  it("are split as a shell splits", () => {
    expect(shellWords(`a  "b c" 'd "e"' f\\ g "h\\"i\\\\j\\k" ''`)).toEqual([
      "a",
      "b c",
      'd "e"',
      "f g",
      'h"i\\j\\k',
      "",
    ]);
    expect(shellWords("")).toEqual([]);
    expect(shellWords('"open')).toEqual(["open"]);
  });
});
