import { Conn } from "./connection";
import { replyLine } from "./output";
export function cacheMemlimit(c: Conn): void { replyLine(c, "ERROR"); }
export function lruCommand(c: Conn): void { replyLine(c, "ERROR"); }
export function lruCrawlerCommand(c: Conn): void { replyLine(c, "ERROR"); }
export function shutdownCommand(c: Conn): void { replyLine(c, "ERROR"); }
export function slabsCommand(c: Conn): void { replyLine(c, "ERROR"); }
export function verbosityCommand(c: Conn): void { replyLine(c, "ERROR"); }
export function watchCommand(c: Conn): void { replyLine(c, "ERROR"); }
