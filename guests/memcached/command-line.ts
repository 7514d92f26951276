/**
 * memcached's command line: every option of 1.6.18 is known, checked and complained about in its words and with its exit codes. What has no meaning in a
 * machine (users, daemons, pid files, huge pages) is taken without effect; of -o's options those are named in one notice line.
 */
import { alloc } from "../lib/raw/alloc";
import { equalText } from "../lib/raw/bytes";
import { sys_exit_group, sys_memory_limit, sys_write } from "../lib/sys";
import { say, sayBytes, sayEnd, sayInt, sayText } from "./console";
import { optionArgument, optionNext, optionsBegin } from "./getopt";
import { parseFloatBytes } from "./real";
import { PROTOCOL_ASCII, PROTOCOL_BINARY, PROTOCOL_NEGOTIATING, settings } from "./settings";
import { subOption, subOptionsEnd } from "./suboptions";
import { USAGE } from "./usage";

export const VERSION = "1.6.18";
const EX_USAGE: i32 = 64;
const ITEM_SIZE_MAX_LOWER_LIMIT: i32 = 1024;
const ITEM_SIZE_MAX_UPPER_LIMIT: i32 = 1 << 30;

const SHORT = "a:AZp:s:U:m:Mc:khiVrvdl:u:P:f:n:t:D:LR:Cb:B:I:SFXWY:e:o:N:";
const LONG: StaticArray<string> = [
  "unix-mask=a",
  "enable-shutdown=A",
  "enable-ssl=Z",
  "port=p",
  "unix-socket=s",
  "udp-port=U",
  "memory-limit=m",
  "disable-evictions=M",
  "conn-limit=c",
  "lock-memory=k",
  "help=h",
  "license=i",
  "version=V",
  "enable-coredumps=r",
  "verbose=v",
  "daemon=d",
  "listen=l",
  "user=u",
  "pidfile=P",
  "slab-growth-factor=f",
  "slab-min-size=n",
  "threads=t",
  "enable-largepages=L",
  "max-reqs-per-event=R",
  "disable-cas=C",
  "listen-backlog=b",
  "protocol=B",
  "max-item-size=I",
  "enable-sasl=S",
  "disable-flush-all=F",
  "disable-dumping=X",
  "disable-watch=W",
  "auth-file=Y",
  "memory-file=e",
  "extended=o",
  "napi-ids=N",
];

/** Ends the machine; nothing after it runs. */
export function quit(code: i32): void {
  sys_exit_group(code);
  unreachable();
}
export function refuse(text: string, code: i32): void {
  say(text);
  quit(code);
}

/** atoi(3) of a blob. */
export function intOf(blob: usize): i32 {
  let p = blob + 4;
  const end = p + load<u32>(blob);
  while (p < end && load<u8>(p) == 32) p++;
  const negative = p < end && load<u8>(p) == 45;
  if (negative) p++;
  let v: i64 = 0;
  while (p < end && <u32>load<u8>(p) - 48 <= 9 && v < 1 << 40) v = v * 10 + (load<u8>(p++) - 48);
  return <i32>(negative ? -v : v);
}

function printUsage(): void {
  sayText("memcached ");
  sayText(VERSION);
  sayEnd(1);
  const n = USAGE.length;
  const text = alloc(n);
  for (let i = 0; i < n; i++) store<u8>(text + i, <u8>USAGE.charCodeAt(i));
  sys_write(1, text, n);
}

function listenAdd(address: usize): void {
  const s = settings;
  if (!s.inter) {
    s.inter = address;
    return;
  }
  const a = load<u32>(s.inter);
  const b = load<u32>(address);
  const both = alloc(<usize>(a + b) + 6);
  store<u32>(both, a + b + 1);
  memory.copy(both + 4, s.inter + 4, a);
  store<u8>(both + 4 + a, 44);
  memory.copy(both + 5 + a, address + 4, b);
  s.inter = both;
}

/** -I: bytes, or with k or m. */
function itemSizeMaxSet(blob: usize): void {
  const n = load<u32>(blob);
  const unit: u32 = n ? load<u8>(blob + 3 + n) | 32 : 0;
  const v = <i64>intOf(blob);
  settings.itemSizeMax = <i32>(unit == 107 ? v << 10 : unit == 109 ? v << 20 : v);
}

function protocolSet(blob: usize): void {
  const p = blob + 4;
  const n = load<u32>(blob);
  if (equalText(p, n, "auto")) settings.bindingProtocol = PROTOCOL_NEGOTIATING;
  else if (equalText(p, n, "binary")) settings.bindingProtocol = PROTOCOL_BINARY;
  else if (equalText(p, n, "ascii")) settings.bindingProtocol = PROTOCOL_ASCII;
  else {
    sayText("Invalid value for binding protocol: ");
    sayBytes(p, n);
    sayEnd(2);
    refuse(" -- should be one of auto, binary, or ascii", EX_USAGE);
  }
}

let tcpSpecified = false;
let udpSpecified = false;

function option(letter: i32): void {
  const s = settings;
  const value = optionArgument;
  switch (letter) {
    case 65: // A
      s.shutdownCommand = true;
      break;
    case 90: // Z
      refuse("This server is not built with TLS support.", EX_USAGE);
      break;
    case 97: // a
    case 115: // s
      refuse("This server is not built with unix socket support.", EX_USAGE);
      break;
    case 83: // S
      refuse("This server is not built with SASL support.", EX_USAGE);
      break;
    case 101: // e
      refuse("-e is not supported: the memory of a machine ends with it.", EX_USAGE);
      break;
    case 85: // U
      s.udpport = intOf(value);
      udpSpecified = true;
      break;
    case 112: // p
      s.port = intOf(value);
      tcpSpecified = true;
      break;
    case 109: // m
      s.maxbytes = <u64>(<i64>intOf(value) << 20);
      break;
    case 77: // M
      s.evictToFree = false;
      break;
    case 99: // c
      s.maxconns = intOf(value);
      if (s.maxconns <= 0) refuse("Maximum connections must be greater than 0", 1);
      break;
    case 104: // h
      printUsage();
      quit(0);
      break;
    case 105: // i
    case 86: // V
      sayText("memcached ");
      sayText(VERSION);
      sayEnd(1);
      if (letter == 105) sayText("Ringzero's own memcached; its license is Ringzero's.");
      if (letter == 105) sayEnd(1);
      quit(0);
      break;
    case 118: // v
      s.verbose++;
      break;
    case 108: // l
      listenAdd(value);
      break;
    case 82: // R
      s.reqsPerEvent = intOf(value);
      if (s.reqsPerEvent == 0) refuse("Number of requests per event must be greater than 0", 1);
      s.requestsAtOnce = max(s.reqsPerEvent, 1);
      break;
    case 102: // f
      s.factor = parseFloatBytes(value + 4, load<u32>(value));
      if (!(s.factor > 1)) refuse("Factor must be greater than 1", 1);
      break;
    case 110: // n
      s.chunkSize = intOf(value);
      if (s.chunkSize == 0) refuse("Chunk size must be greater than 0", 1);
      break;
    case 116: // t
      s.numThreads = intOf(value);
      if (s.numThreads <= 0) refuse("Number of threads must be greater than 0", 1);
      break;
    case 68: // D
      if (!load<u32>(value)) refuse("No delimiter specified", 1);
      s.prefixDelimiter = load<u8>(value + 4);
      s.detailEnabled = true;
      break;
    case 67: // C
      s.useCas = false;
      break;
    case 98: // b
      s.backlog = intOf(value);
      break;
    case 66: // B
      protocolSet(value);
      break;
    case 73: // I
      itemSizeMaxSet(value);
      break;
    case 70: // F
      s.flushEnabled = false;
      break;
    case 88: // X
      s.dumpEnabled = false;
      break;
    case 87: // W
      s.watchEnabled = false;
      break;
    case 89: // Y
      refuse("-Y is not supported: there are no authentication tokens.", EX_USAGE);
      break;
    case 78: // N
      if (intOf(value) <= 0) refuse("Maximum number of NAPI IDs must be greater than 0", 1);
      break;
    case 111: // o
      subOption(value);
      break;
    case 63:
      refuse('Illegal argument "?"', 1);
      break;
    default:
      break; // d r u P k L: nothing to do in a machine
  }
}

/** Reads the arguments into the settings, or ends the machine. */
export function commandLine(): void {
  optionsBegin(SHORT, LONG);
  for (let letter = optionNext(); letter != -1; letter = optionNext()) option(letter);
  const s = settings;
  if (s.itemSizeMax < ITEM_SIZE_MAX_LOWER_LIMIT) refuse("Item max size cannot be less than 1024 bytes.", EX_USAGE);
  if (<u64>s.itemSizeMax > s.maxbytes / 2) refuse("Cannot set item size limit higher than 1/2 of memory max.", EX_USAGE);
  if (s.itemSizeMax > ITEM_SIZE_MAX_UPPER_LIMIT) refuse("Cannot set item size limit higher than a gigabyte.", EX_USAGE);
  subOptionsEnd();
  s.numThreadsPerUdp = s.inter && hasComma(s.inter) ? 1 : s.numThreads;
  if (udpSpecified && s.udpport != 0 && !tcpSpecified) s.port = s.udpport;
  if (s.port > 65535) {
    sayText("ERROR: Invalid port number ");
    sayInt(s.port);
    sayText(".");
    sayEnd(2);
    quit(EX_USAGE);
  }
  const room = sys_memory_limit() - 16777216.0;
  if (<f64>s.maxbytes > room && s.verbose > 0) {
    sayText("-m is more than the machine has; items get ");
    sayInt(<i64>(room / 1048576));
    sayText(" MB at most.");
    sayEnd(2);
  }
}

function hasComma(blob: usize): bool {
  for (let i: u32 = 0; i < load<u32>(blob); i++) if (load<u8>(blob + 4 + i) == 44) return true;
  return false;
}
