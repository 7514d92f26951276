/** The text commands that look after the server: memory, LRU, crawler, slabs, verbosity, shutdown. */
import { sys_exit_group } from "../lib/sys";
import { metadump } from "./cachedump";
import { Conn, CONN_DETACHED } from "./connection";
import {
  CRAWL_EXPIRED,
  CRAWLER_BADCLASS,
  crawlerCrawl,
  CRAWLER_NOTSTARTED,
  CRAWLER_OK,
  CRAWLER_RUNNING,
} from "./crawler";
import { say, sayEnd, sayInt, sayText } from "./console";
import { replyLine } from "./output";
import { parsedReal, parseReal } from "./real";
import { settings } from "./settings";
import {
  REASSIGN_BADCLASS,
  REASSIGN_NOSPARE,
  REASSIGN_OK,
  REASSIGN_RUNNING,
  slabsReassign,
} from "./slab-mover";
import { slabsAdjustMemLimit } from "./slabs";
import { noreplyMaybe } from "./text-update";
import { ntokens, parsedI32, parsedU32, tokenI32, tokenIs, tokenLength, tokenPtr, tokenU32 } from "./tokens";

const BAD_FORMAT = "CLIENT_ERROR bad command line format";
const VERBOSITY_MAX: u32 = 3;

export function verbosityCommand(c: Conn): void {
  noreplyMaybe(c);
  if (!tokenU32(1)) {
    replyLine(c, BAD_FORMAT);
    return;
  }
  settings.verbose = <i32>min(parsedU32, VERBOSITY_MAX);
  replyLine(c, "OK");
}

export function cacheMemlimit(c: Conn): void {
  noreplyMaybe(c);
  if (!tokenU32(1)) replyLine(c, "ERROR");
  else if (parsedU32 < 8) replyLine(c, "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m");
  else if (parsedU32 > 1000000000) replyLine(c, "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes");
  else {
    slabsAdjustMemLimit(<u64>parsedU32 << 20);
    if (settings.verbose > 0) {
      sayText("maxbytes adjusted to ");
      sayInt(parsedU32);
      sayText("m");
      sayEnd(2);
    }
    replyLine(c, "OK");
  }
}

function real(i: i32): bool {
  return parseReal(tokenPtr(i), tokenLength(i));
}

export function lruCommand(c: Conn): void {
  noreplyMaybe(c);
  if (tokenIs(1, "tune") && ntokens >= 7) lruTune(c);
  else if (tokenIs(1, "mode") && ntokens >= 4 && settings.lruMaintainer) {
    const flat = tokenIs(2, "flat");
    if (!flat && !tokenIs(2, "segmented")) {
      replyLine(c, "ERROR");
      return;
    }
    settings.lruSegmented = !flat;
    replyLine(c, "OK");
  } else if (tokenIs(1, "temp_ttl") && ntokens >= 4 && settings.lruMaintainer && tokenI32(2)) {
    settings.tempLru = parsedI32 >= 0;
    if (parsedI32 >= 0) settings.temporaryTtl = <u32>parsedI32;
    replyLine(c, "OK");
  } else replyLine(c, "ERROR");
}

function lruTune(c: Conn): void {
  let ok = tokenU32(2);
  const hot = parsedU32;
  ok = ok && tokenU32(3);
  const warm = parsedU32;
  ok = ok && real(4);
  const hotFactor = parsedReal;
  ok = ok && real(5);
  if (!ok) replyLine(c, "ERROR");
  else if (hot + warm > 80) replyLine(c, "ERROR hot and warm pcts must not exceed 80");
  else if (parsedReal <= 0 || hotFactor <= 0) replyLine(c, "ERROR hot/warm age factors must be greater than 0");
  else {
    settings.hotLruPct = <i32>hot;
    settings.warmLruPct = <i32>warm;
    settings.hotMaxFactor = hotFactor;
    settings.warmMaxFactor = parsedReal;
    replyLine(c, "OK");
  }
}

export function slabsCommand(c: Conn): void {
  if (ntokens == 5 && tokenIs(1, "reassign")) reassign(c);
  else if (ntokens >= 4 && tokenIs(1, "automove")) automove(c);
  else replyLine(c, "ERROR");
}

function reassign(c: Conn): void {
  if (!settings.slabReassign) {
    replyLine(c, "CLIENT_ERROR slab reassignment disabled");
    return;
  }
  let ok = tokenI32(2);
  const from = parsedI32;
  ok = ok && tokenI32(3);
  if (!ok) {
    replyLine(c, BAD_FORMAT);
    return;
  }
  const answer = slabsReassign(from, parsedI32);
  if (answer == REASSIGN_OK) replyLine(c, "OK");
  else if (answer == REASSIGN_RUNNING) replyLine(c, "BUSY currently processing reassign request");
  else if (answer == REASSIGN_BADCLASS) replyLine(c, "BADCLASS invalid src or dst class id");
  else if (answer == REASSIGN_NOSPARE) replyLine(c, "NOSPARE source class has no spare pages");
  else replyLine(c, "SAME src and dst class are identical");
}

function automove(c: Conn): void {
  noreplyMaybe(c);
  if (tokenIs(2, "ratio")) {
    if (ntokens < 5 || !real(3)) {
      replyLine(c, "ERROR");
      return;
    }
    settings.slabAutomoveRatio = parsedReal;
  } else if (!tokenU32(2)) {
    replyLine(c, BAD_FORMAT);
    return;
  } else if (parsedU32 > 2) {
    replyLine(c, "ERROR");
    return;
  } else settings.slabAutomove = <i32>parsedU32;
  replyLine(c, "OK");
}

export function lruCrawlerCommand(c: Conn): void {
  if (ntokens == 4 && tokenIs(1, "crawl")) crawl(c);
  else if (ntokens == 4 && tokenIs(1, "metadump")) dump(c);
  else if (ntokens == 4 && tokenIs(1, "tocrawl")) {
    if (!tokenU32(2)) {
      replyLine(c, BAD_FORMAT);
      return;
    }
    settings.lruCrawlerTocrawl = parsedU32;
    replyLine(c, "OK");
  } else if (ntokens == 4 && tokenIs(1, "sleep")) {
    if (!tokenU32(2)) replyLine(c, BAD_FORMAT);
    else if (parsedU32 > 1000000) replyLine(c, "CLIENT_ERROR sleep must be one second or less");
    else {
      settings.lruCrawlerSleep = <i32>parsedU32;
      replyLine(c, "OK");
    }
  } else if (ntokens == 3 && tokenIs(1, "enable")) {
    if (settings.lruCrawler) replyLine(c, "ERROR failed to start lru crawler thread");
    else {
      settings.lruCrawler = true;
      replyLine(c, "OK");
    }
  } else if (ntokens == 3 && tokenIs(1, "disable")) {
    settings.lruCrawler = false;
    replyLine(c, "OK");
  } else replyLine(c, "ERROR");
}

function crawlAnswer(c: Conn, answer: i32): void {
  if (answer == CRAWLER_OK) replyLine(c, "OK");
  else if (answer == CRAWLER_RUNNING) replyLine(c, "BUSY currently processing crawler request");
  else if (answer == CRAWLER_BADCLASS) replyLine(c, "BADCLASS invalid class id");
  else if (answer == CRAWLER_NOTSTARTED) replyLine(c, "NOTSTARTED no items to crawl");
  else replyLine(c, "ERROR an unknown error happened");
}

function crawl(c: Conn): void {
  if (!settings.lruCrawler) replyLine(c, "CLIENT_ERROR lru crawler disabled");
  else crawlAnswer(c, crawlerCrawl(tokenPtr(2), tokenLength(2), CRAWL_EXPIRED, settings.lruCrawlerTocrawl));
}

function dump(c: Conn): void {
  if (!settings.lruCrawler) replyLine(c, "CLIENT_ERROR lru crawler disabled");
  else if (!settings.dumpEnabled || c.flags & CONN_DETACHED) replyLine(c, "ERROR metadump not allowed");
  else if (c.outHead) replyLine(c, "ERROR cannot pipeline other commands before metadump");
  else {
    const answer = metadump(c, tokenPtr(2), tokenLength(2));
    if (answer != CRAWLER_OK) crawlAnswer(c, answer);
  }
}

export function shutdownCommand(c: Conn): void {
  if (!settings.shutdownCommand) replyLine(c, "ERROR: shutdown not enabled");
  else if (ntokens == 2 || (ntokens == 3 && tokenIs(1, "graceful"))) {
    if (settings.verbose > 0) say("shutdown");
    sys_exit_group(0);
  } else replyLine(c, "CLIENT_ERROR invalid shutdown mode");
}
