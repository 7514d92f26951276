/**
 * What a memcached that is started with these arguments wants of the host: ports, a Unix socket, to leave the terminal. Read as
 * getopt_long(3) reads them (memcached.c, 1.6.18); whatever is wrong with them is memcached's to say.
 */

/** Short options with a value; the others have none. */
const WITH_VALUE = new Set("apsUmculPfntDRbBIYeoN");

/** Long options that say something about the host, and what they are short for. */
const LONG = new Map([
  ["port", "p"],
  ["unix-socket", "s"],
  ["udp-port", "U"],
  ["listen", "l"],
  ["daemon", "d"],
  ["help", "h"],
  ["license", "i"],
  ["version", "V"],
]);

const DEFAULT_PORT = 11211;

export interface HostNeeds {
  /** TCP and UDP ports, without those that the system is to choose. */
  readonly ports: readonly number[];
  /** Path of its Unix socket, which takes the place of the ports. */
  readonly socketPath: string | null;
  /** With -d, what is left of the arguments for a program in the foreground; null without it. */
  readonly foreground: readonly string[] | null;
}

export function hostNeeds(args: readonly string[]): HostNeeds {
  const values = new Map<string, string>();
  let listen = "";
  const set = (option: string, value: string): void => {
    if (option === "l") listen += `,${value}`;
    values.set(option, value);
  };
  const words: string[] = [];
  let at = 0;
  /** The value of an option that is a word of its own. */
  const next = (): string => {
    const value = args[++at];
    if (value !== undefined) words.push(value);
    return value ?? "";
  };
  for (; at < args.length; at++) {
    const word = args[at] as string;
    words.push(word);
    if (word === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (word.startsWith("--")) {
      const [name = "", value] = word.slice(2).split("=", 2);
      const option = LONG.get(name);
      if (option === undefined) continue;
      if (option === "d") words.pop();
      set(option, value ?? (WITH_VALUE.has(option) ? next() : ""));
      continue;
    }
    if (!word.startsWith("-")) continue;
    for (let letter = 1; letter < word.length; letter++) {
      const option = word[letter] as string;
      if (!WITH_VALUE.has(option)) {
        set(option, "");
        if (option !== "d") continue;
        const rest = words.pop()?.replace("d", "") ?? "";
        if (rest !== "-") words.push(rest);
        continue;
      }
      set(option, word.slice(letter + 1) || next());
      break;
    }
  }
  if (["h", "i", "V"].some((option) => values.has(option))) return { ports: [], socketPath: null, foreground: null };
  const foreground = values.has("d") ? words : null;
  const socketPath = values.get("s") ?? null;
  if (socketPath !== null) return { ports: [], socketPath, foreground };
  const udp = Number(values.get("U") ?? 0);
  // Only one of both given: TCP takes UDP's, unless that is switched off.
  const tcp = Number(values.get("p") ?? (udp !== 0 ? udp : DEFAULT_PORT));
  const listed = listen.split(",").map((entry) => Number(/:(\d+)$/.exec(entry)?.[1] ?? 0));
  const ports = new Set([tcp, udp, ...listed].filter((port) => port > 0 && port <= 0xffff));
  return { ports: [...ports], socketPath: null, foreground };
}
