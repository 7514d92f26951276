/** The reply of a container command's HELP: an array of status lines, framed as Redis frames it. */
import { Client } from "./client";
import { deferArray, deferBegin, replyRawText } from "./reply";

let place: usize = 0;
let lines: i64 = 0;

/** `name` in upper case. */
export function helpBegin(c: Client, name: string): void {
  place = deferBegin(c);
  lines = 1;
  replyRawText(c, "+");
  replyRawText(c, name);
  replyRawText(c, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n");
}
export function helpLine(c: Client, text: string): void {
  lines++;
  replyRawText(c, "+");
  replyRawText(c, text);
  replyRawText(c, "\r\n");
}
/** Adds HELP's own lines and the count. */
export function helpEnd(c: Client): void {
  helpLine(c, "HELP");
  helpLine(c, "    Prints this help.");
  deferArray(c, place, lines);
}
