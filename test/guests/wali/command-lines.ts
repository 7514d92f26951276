/**
 * The `// CMD:` lines of the public WALI repository's tests: each is one run of the test. `setup`, `args` and `cleanup` hold words,
 * quoted as a shell quotes; `env` holds NAME=VALUE words; a bare word is an argument of both the setup and the program.
 */

export interface Run {
  /** Arguments of the setup hook. */
  readonly setup: readonly string[];
  readonly args: readonly string[];
  /** Arguments of the cleanup hook; the setup's where the line names none. */
  readonly cleanup: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The runs that a test's source asks for: one without arguments if it says nothing. */
export function parseRuns(source: string): Run[] {
  const runs = [...source.matchAll(/^\s*\/\/ CMD:(.*)$/gm)].map(([, line]) => parseRun(line ?? ""));
  return runs.length > 0 ? runs : [{ setup: [], args: [], cleanup: [], env: {} }];
}

function parseRun(line: string): Run {
  const setup: string[] = [];
  const args: string[] = [];
  const cleanup: string[] = [];
  const env: Record<string, string> = {};
  const lists: Readonly<Record<string, string[]>> = { setup, args, cleanup };
  for (const word of shellWords(line)) {
    const [, name = "", value = ""] = /^(setup|args|cleanup|env)=(.*)$/s.exec(word) ?? [];
    if (name === "env") {
      for (const pair of shellWords(value)) {
        const at = pair.indexOf("=");
        if (at >= 0) env[pair.slice(0, at)] = pair.slice(at + 1);
      }
    } else if (name !== "") lists[name]?.push(...shellWords(value));
    else {
      setup.push(word);
      args.push(word);
    }
  }
  return { setup, args, cleanup: cleanup.length > 0 ? cleanup : setup, env };
}

/** Splits as a POSIX shell does, with quotes and backslashes but no expansions; an open quote ends with the text. */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (quote === "'" || quote === '"') {
      if (char === quote) quote = "";
      else if (quote === '"' && char === "\\" && /["\\]/.test(text[at + 1] ?? "")) word += text[++at] as string;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + (char === "\\" ? (text[++at] ?? "") : char);
  }
  if (word !== null) words.push(word);
  return words;
}
