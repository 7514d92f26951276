import { Conn } from "./connection";
import { replyLine } from "./output";
export function statsCommand(c: Conn): void { replyLine(c, "END"); }
