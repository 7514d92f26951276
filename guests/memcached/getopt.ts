/**
 * getopt_long(3) over the machine's arguments: short options in one word or several, long ones whole, abbreviated or with "=", operands anywhere.
 * Its complaints are glibc's.
 */
import { alloc } from "../lib/raw/alloc";
import { equalText } from "../lib/raw/bytes";
import { sys_arg_copy, sys_arg_count, sys_arg_length } from "../lib/sys";
import { sayBytes, sayEnd, sayText } from "./console";

/** The argument of the option that optionNext has answered: a blob that stays, or 0. */
export let optionArgument: usize = 0;

/** Letters, each with a colon if it takes an argument; one entry of long names per letter, "name=letter". */
let letters = "";
let names: StaticArray<string> = [];
let index = 1;
/** Inside a word of short options: what is left of it. */
let word: usize = 0;
let wordAt: u32 = 0;
let onlyOperands = false;

export function optionsBegin(shortOptions: string, longOptions: StaticArray<string>): void {
  letters = shortOptions;
  names = longOptions;
  index = 1;
  word = 0;
}

/** An argument of the command line as a blob. */
function argument(i: i32): usize {
  const n = sys_arg_length(i);
  const blob = alloc(<usize>n + 5);
  store<u32>(blob, n);
  sys_arg_copy(i, blob + 4, n);
  store<u8>(blob + 4 + n, 0);
  return blob;
}

function complain(text: string): void {
  sayText("memcached: ");
  sayText(text);
}

/** 1 if the option takes an argument, 0 if not, -1 if there is none such. */
function takesArgument(letter: u32): i32 {
  for (let i = 0; i < letters.length; i++) {
    if (<u32>letters.charCodeAt(i) == letter && letter != 58) return i + 1 < letters.length && letters.charCodeAt(i + 1) == 58 ? 1 : 0;
  }
  return -1;
}

/** The next option's letter, '?' after a complaint, -1 at the end. */
export function optionNext(): i32 {
  optionArgument = 0;
  if (!word) {
    while (true) {
      if (index >= sys_arg_count()) return -1;
      word = argument(index++);
      const n = load<u32>(word);
      if (!onlyOperands && n == 2 && equalText(word + 4, 2, "--")) onlyOperands = true;
      else if (!onlyOperands && n > 1 && load<u8>(word + 4) == 45) break;
    }
    if (load<u8>(word, 5) == 45) {
      const long = word;
      word = 0;
      return longOption(long + 6, load<u32>(long) - 2);
    }
    wordAt = 1;
  }
  const n = load<u32>(word);
  const letter: u32 = load<u8>(word + 4 + wordAt++);
  const takes = takesArgument(letter);
  const here = word;
  const at = wordAt;
  if (wordAt == n || takes == 1) word = 0;
  if (takes < 0) {
    complain("invalid option -- '");
    quoteByte(letter);
    return 63;
  }
  if (takes) {
    if (at < n) {
      optionArgument = alloc(<usize>(n - at) + 5);
      store<u32>(optionArgument, n - at);
      memory.copy(optionArgument + 4, here + 4 + at, n - at + 1);
    } else if (index < sys_arg_count()) optionArgument = argument(index++);
    else {
      complain("option requires an argument -- '");
      quoteByte(letter);
      return 63;
    }
  }
  return letter;
}

const one = memory.data(8);
function quoteByte(letter: u32): void {
  store<u8>(one, <u8>letter);
  sayBytes(one, 1);
  sayText("'");
  sayEnd(2);
}

/** How much of a long name's entry ("name=letter") is the name. */
function nameLength(entry: string): i32 {
  return entry.length - 2;
}
function begins(entry: string, p: usize, n: u32): bool {
  if (<i32>n > nameLength(entry)) return false;
  for (let i: u32 = 0; i < n; i++) if (<u32>entry.charCodeAt(i) != <u32>load<u8>(p + i)) return false;
  return true;
}

function longOption(p: usize, n: u32): i32 {
  let nameBytes: u32 = 0;
  while (nameBytes < n && load<u8>(p + nameBytes) != 61) nameBytes++;
  let found = -1;
  let matches = 0;
  for (let i = 0; i < names.length; i++) {
    if (!begins(names[i], p, nameBytes)) continue;
    found = i;
    matches++;
    if (nameLength(names[i]) == <i32>nameBytes) {
      matches = 1;
      break;
    }
  }
  if (matches == 0) {
    complain("unrecognized option '--");
    sayBytes(p, nameBytes);
    sayText("'");
    sayEnd(2);
    return 63;
  }
  if (matches > 1) {
    complain("option '--");
    sayBytes(p, nameBytes);
    sayText("' is ambiguous; possibilities:");
    for (let i = 0; i < names.length; i++) {
      if (!begins(names[i], p, nameBytes)) continue;
      sayText(" '--");
      sayText(names[i].substring(0, nameLength(names[i])));
      sayText("'");
    }
    sayEnd(2);
    return 63;
  }
  const entry = names[found];
  const letter = <u32>entry.charCodeAt(entry.length - 1);
  const takes = takesArgument(letter);
  if (nameBytes < n) {
    // -v takes none, but --verbose=… is let pass.
    if (takes == 0 && letter != 118) return longComplaint(entry, "' doesn't allow an argument");
    optionArgument = alloc(<usize>(n - nameBytes) + 4);
    store<u32>(optionArgument, n - nameBytes - 1);
    memory.copy(optionArgument + 4, p + nameBytes + 1, n - nameBytes);
  } else if (takes) {
    if (index >= sys_arg_count()) return longComplaint(entry, "' requires an argument");
    optionArgument = argument(index++);
  }
  return letter;
}

function longComplaint(entry: string, text: string): i32 {
  complain("option '--");
  sayText(entry.substring(0, nameLength(entry)));
  sayText(text);
  sayEnd(2);
  return 63;
}
