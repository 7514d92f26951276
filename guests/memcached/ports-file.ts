/**
 * The file in which memcached says what ports it has got (MEMCACHED_PORT_FILENAME in its environment), for whoever has let it choose. It has
 * its name once it is complete: until then it is NAME.lck.
 */
import { alloc, free } from "../lib/raw/alloc";
import { Builder, putBytes, putInt, putText } from "../lib/raw/builder";
import { copy, equalText, textCopy } from "../lib/raw/bytes";
import { putErrno } from "../lib/raw/errno-text";
import {
  sys_close,
  sys_env_copy,
  sys_env_count,
  sys_env_length,
  sys_openat,
  sys_renameat,
  sys_shard_self,
  sys_write,
} from "../lib/sys";
import { sayBytes, sayEnd, sayText } from "./console";

const VARIABLE = "MEMCACHED_PORT_FILENAME=";
const AT_FDCWD: i32 = -100;
/** O_WRONLY | O_CREAT | O_APPEND */
const OPEN_FLAGS: i32 = 0x441;

/** NAME.lck, and how long NAME is. */
let path: usize = 0;
let nameLength: i32 = 0;
let lines = changetype<Builder>(memory.data(offsetof<Builder>(), 16));
let wanted = false;

/** Looks whether such a file is wanted. Of several shards, which all listen on the same ports, the first one writes it. */
export function portsFileBegin(): void {
  if (sys_shard_self() != 0) return;
  for (let i = 0; i < sys_env_count(); i++) {
    const length = sys_env_length(i);
    const entry = alloc(length + 5);
    sys_env_copy(i, entry, length);
    const value = entry + VARIABLE.length;
    if (length > VARIABLE.length && equalText(entry, VARIABLE.length, VARIABLE)) {
      nameLength = length - VARIABLE.length;
      path = alloc(nameLength + 16);
      copy(path, value, nameLength);
      textCopy(path + nameLength, ".lck");
      wanted = true;
    }
    free(entry);
  }
}

/** One socket more. */
export function portsFileLine(kind: string, port: i32): void {
  if (!wanted) return;
  putText(lines, kind);
  putInt(lines, port);
  putText(lines, "\n");
}

/** All sockets are there: so is the file, or a message. */
export function portsFileEnd(): void {
  if (!wanted) return;
  const fd = sys_openat(AT_FDCWD, path, nameLength + 4, OPEN_FLAGS, 0x1b6);
  let result = fd;
  if (fd >= 0) {
    result = sys_write(fd, lines.data, lines.length);
    sys_close(fd);
    if (result >= 0) result = sys_renameat(AT_FDCWD, path, nameLength + 4, AT_FDCWD, path, nameLength);
  }
  if (result >= 0) return;
  sayText('Failed to write "');
  sayBytes(path, nameLength);
  sayText('": ');
  const why = changetype<Builder>(memory.data(offsetof<Builder>(), 16));
  putErrno(why, result);
  sayBytes(why.data, why.length);
  sayEnd(2);
}
