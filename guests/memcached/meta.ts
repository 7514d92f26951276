/** The meta commands: two letters, a key, flags of one letter. */
import { Conn } from "./connection";
import { replyLine } from "./output";
import { tokenPtr } from "./tokens";

export function metaCommand(c: Conn): void {
  if (load<u8>(tokenPtr(0) + 1) == 110) replyLine(c, "MN");
  else replyLine(c, "ERROR");
}
