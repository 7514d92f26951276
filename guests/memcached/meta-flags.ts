/**
 * The flags of a meta command: read once before anything is done, and again in their order while the answer is written.
 *
 * What they say is left in globals that hold until the next command; so does the key, which may have come in base64.
 */
import { copy } from "../lib/raw/bytes";
import { base64Decode, base64Encode } from "./base64";
import { exptimeOf } from "./text-get";
import { ntokens, parsedI32, parsedU64, parseI32, parseU64, tokenLength, tokenPtr } from "./tokens";

/** More words than this are refused, though the tokenizer would take them. */
export const META_TOKENS_MAX: i32 = 20;
export const OPAQUE_MAX: u32 = 32;
/** Room for the longest answer line of a meta command. */
export const META_LINE_MAX: u32 = 640;

const decoded = memory.data(256, 16);

export let metaKey: usize = 0;
export let metaKeyLength: u32 = 0;
export let keyBinary: bool = false;
export let noUpdate: bool = false;
export let vivify: bool = false;
/** Flags that tell or change what a fetch changes, too: it counts as one only afterwards. */
export let bumpsLater: bool = false;
export let wantsValue: bool = false;
export let setStale: bool = false;
export let quiet: bool = false;
export let hasCas: bool = false;
export let newTtl: bool = false;
export let mode: u32 = 0;
export let exptime: u32 = 0;
export let vivifyExptime: u32 = 0;
export let recacheTime: u32 = 0;
export let clientFlags: u32 = 0;
export let requestCas: u64 = 0;
export let delta: u64 = 0;
export let initial: u64 = 0;
/** Why metaFlags answered false. */
export let metaError: string = "";

const BAD_FORMAT = "CLIENT_ERROR bad command line format";
const BAD_TOKEN = "CLIENT_ERROR bad token in command line format";
/** One bit for each flag character below 127. */
const seen = memory.data(16, 8);

let failed = false;
function fail(text: string): void {
  failed = true;
  metaError = text;
}

/** The number behind the flag's letter as an expiry time. */
function time(i: i32): u32 {
  if (parseI32(tokenPtr(i) + 1, tokenLength(i) - 1)) return exptimeOf(parsedI32);
  fail(BAD_TOKEN);
  return 0;
}
function number(i: i32, error: string): u64 {
  if (!parseU64(tokenPtr(i) + 1, tokenLength(i) - 1)) fail(error);
  return parsedU64;
}

/** Reads the flags from word `start` on; false when they are refused (`metaError`). All of them are read, so the last error counts. */
export function metaFlags(start: i32): bool {
  metaKey = tokenPtr(1);
  metaKeyLength = tokenLength(1);
  keyBinary = false;
  noUpdate = false;
  vivify = false;
  bumpsLater = false;
  wantsValue = false;
  setStale = false;
  quiet = false;
  hasCas = false;
  newTtl = false;
  mode = 0;
  exptime = 0;
  vivifyExptime = 0;
  recacheTime = 0;
  clientFlags = 0;
  requestCas = 0;
  delta = 1;
  initial = 0;
  failed = false;
  metaError = BAD_FORMAT;
  store<u64>(seen, 0);
  store<u64>(seen, 0, 8);
  for (let i = start; i < ntokens - 1; i++) {
    const letter: u32 = load<u8>(tokenPtr(i));
    const at = seen + (letter >> 3);
    const bit: u32 = 1 << (letter & 7);
    if (letter >= 127 || load<u8>(at) & bit) {
      metaError = "CLIENT_ERROR duplicate flag";
      return false;
    }
    store<u8>(at, <u8>(load<u8>(at) | bit));
    if (!flag(i, letter)) {
      metaError = "CLIENT_ERROR invalid flag";
      return false;
    }
  }
  return !failed;
}

function flag(i: i32, letter: u32): bool {
  switch (letter) {
    case 98: // b
      metaKeyLength = base64Decode(decoded, metaKey, metaKeyLength);
      metaKey = decoded;
      keyBinary = true;
      if (!metaKeyLength) fail("CLIENT_ERROR error decoding key");
      return true;
    case 78: // N
      vivify = true;
      bumpsLater = true;
      vivifyExptime = time(i);
      return true;
    case 84: // T
      exptime = time(i);
      bumpsLater = true;
      newTtl = true;
      return true;
    case 82: // R
      recacheTime = time(i);
      bumpsLater = true;
      return true;
    case 118: // v
      wantsValue = true;
      return true;
    case 117: // u
      noUpdate = true;
      return true;
    case 113: // q
      quiet = true;
      return true;
    case 73: // I
      setStale = true;
      return true;
    case 70: // F
      if (parseU64(tokenPtr(i) + 1, tokenLength(i) - 1)) clientFlags = <u32>parsedU64;
      else failed = true;
      return true;
    case 67: // C
      requestCas = number(i, BAD_TOKEN);
      hasCas = true;
      return true;
    case 77: // M
      if (tokenLength(i) == 2) mode = load<u8>(tokenPtr(i) + 1);
      else fail("CLIENT_ERROR incorrect length for M token");
      return true;
    case 74: // J
      initial = number(i, "CLIENT_ERROR invalid numeric initial value");
      return true;
    case 68: // D
      delta = number(i, "CLIENT_ERROR invalid numeric delta value");
      return true;
    case 108: // l
    case 104: // h
      bumpsLater = true;
      return true;
    case 79: // O
    case 80: // P
    case 76: // L
    case 107: // k
    case 115: // s
    case 116: // t
    case 99: // c
    case 102: // f
      return true;
    default:
      return false;
  }
}

/** Whether the opaque at word i is short enough to be given back. */
export function opaqueOk(i: i32): bool {
  return tokenLength(i) <= OPAQUE_MAX;
}

/** " Oopaque": where the next byte goes. */
export function putToken(at: usize, i: i32): usize {
  const n = tokenLength(i);
  store<u8>(at, 32);
  copy(at + 1, tokenPtr(i), n);
  return at + 1 + n;
}
/** " k" and a key, in base64 with " b" behind it if it is binary. */
export function putKey(at: usize, key: usize, nkey: u32, binary: bool): usize {
  store<u16>(at, 0x6b20);
  at += 2;
  if (!binary) {
    copy(at, key, nkey);
    return at + nkey;
  }
  at += base64Encode(at, key, nkey);
  store<u16>(at, 0x6220);
  return at + 2;
}
/** " x": a flag's letter. */
// @ts-ignore: decorator
@inline
export function putLetter(at: usize, letter: u32): usize {
  store<u16>(at, <u16>((letter << 8) | 32));
  return at + 2;
}

/** The opaque and the key, for an answer without an item; 0 when the opaque is too long. */
export function putOpaqueAndKey(at: usize): usize {
  for (let i = 2; i < ntokens - 1; i++) {
    const letter: u32 = load<u8>(tokenPtr(i));
    if (letter == 79) {
      if (!opaqueOk(i)) return 0;
      at = putToken(at, i);
    } else if (letter == 107) at = putKey(at, metaKey, metaKeyLength, keyBinary);
  }
  return at;
}
