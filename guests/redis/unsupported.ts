/** Commands of real Redis that this image does not have: each answers with an error that names the image that has them. */
import { Client } from "./client";
import {
  ACL_DANGEROUS,
  ACL_GEO,
  ACL_HYPERLOGLOG,
  ACL_SCRIPTING,
  argIs,
  CMD_NOSCRIPT,
  CMD_UNSUPPORTED,
  Command,
  command,
  describe,
} from "./command";
import {
  errorBegin,
  errorBytes,
  errorEnd,
  errorText,
  replyArray,
  replyBulkText,
  replyError,
  replyMap,
  replyNull,
  replyOk,
} from "./reply";

function refuse(c: Client, what: string): void {
  errorBegin("ERR '");
  const name = changetype<string>(changetype<Command>(c.lastCommand).name);
  for (let i = 0; i < name.length; i++) {
    const ch = name.charCodeAt(i);
    store<u8>(letter, <u8>(ch >= 97 && ch <= 122 ? ch - 32 : ch));
    errorBytes(letter, 1, 1);
  }
  errorText("' is not supported by the 'redis' image: boot the 'redis-server' image (the real Redis) for ");
  errorText(what);
  errorEnd(c);
}
const letter = memory.data(8);

function geo(c: Client): void {
  refuse(c, "geospatial commands");
}
function hyperloglog(c: Client): void {
  refuse(c, "HyperLogLog");
}
function scripting(c: Client): void {
  refuse(c, "scripting");
}
function modules(c: Client): void {
  refuse(c, "modules");
}
function replication(c: Client): void {
  refuse(c, "replication");
}
function cluster(c: Client): void {
  replyError(c, "ERR This instance has cluster support disabled");
}
function payloads(c: Client): void {
  refuse(c, "serialized values");
}
/** FUNCTION FLUSH, LIST and STATS have a truthful answer: there are none. */
function functions(c: Client): void {
  if (argIs(1, "flush")) replyOk(c);
  else if (argIs(1, "list")) replyArray(c, 0);
  else if (argIs(1, "stats")) {
    replyMap(c, 2);
    replyBulkText(c, "running_script");
    replyNull(c);
    replyBulkText(c, "engines");
    replyMap(c, 0);
  } else scripting(c);
}
/** SCRIPT FLUSH likewise. */
function script(c: Client): void {
  if (argIs(1, "flush")) replyOk(c);
  else scripting(c);
}

function none(name: string, handler: (c: Client) => void, acl: u32, group: string): void {
  command(name, handler, -1, CMD_UNSUPPORTED | CMD_NOSCRIPT, acl, 0, 0, 0);
  describe(group, "", "Not supported by this image: the redis-server image (the real Redis) has it", "");
}

export function registerUnsupportedCommands(): void {
  none("geoadd", geo, ACL_GEO, "geo");
  none("geodist", geo, ACL_GEO, "geo");
  none("geohash", geo, ACL_GEO, "geo");
  none("geopos", geo, ACL_GEO, "geo");
  none("georadius", geo, ACL_GEO, "geo");
  none("georadius_ro", geo, ACL_GEO, "geo");
  none("georadiusbymember", geo, ACL_GEO, "geo");
  none("georadiusbymember_ro", geo, ACL_GEO, "geo");
  none("geosearch", geo, ACL_GEO, "geo");
  none("geosearchstore", geo, ACL_GEO, "geo");
  none("pfadd", hyperloglog, ACL_HYPERLOGLOG, "hyperloglog");
  none("pfcount", hyperloglog, ACL_HYPERLOGLOG, "hyperloglog");
  none("pfmerge", hyperloglog, ACL_HYPERLOGLOG, "hyperloglog");
  none("pfdebug", hyperloglog, ACL_HYPERLOGLOG, "hyperloglog");
  none("pfselftest", hyperloglog, ACL_HYPERLOGLOG, "hyperloglog");
  none("eval", scripting, ACL_SCRIPTING, "scripting");
  none("eval_ro", scripting, ACL_SCRIPTING, "scripting");
  none("evalsha", scripting, ACL_SCRIPTING, "scripting");
  none("evalsha_ro", scripting, ACL_SCRIPTING, "scripting");
  none("fcall", scripting, ACL_SCRIPTING, "scripting");
  none("fcall_ro", scripting, ACL_SCRIPTING, "scripting");
  command("function", functions, -2, CMD_UNSUPPORTED | CMD_NOSCRIPT, ACL_SCRIPTING, 0, 0, 0);
  describe("scripting", "7.0.0", "FLUSH, LIST and STATS tell that there are no functions; the redis-server image has them", "");
  command("script", script, -2, CMD_UNSUPPORTED | CMD_NOSCRIPT, ACL_SCRIPTING, 0, 0, 0);
  describe("scripting", "2.6.0", "FLUSH has nothing to do; the redis-server image has scripts", "");
  none("module", modules, ACL_DANGEROUS, "server");
  none("psync", replication, ACL_DANGEROUS, "server");
  none("sync", replication, ACL_DANGEROUS, "server");
  none("replconf", replication, ACL_DANGEROUS, "server");
  none("failover", replication, ACL_DANGEROUS, "server");
  none("migrate", replication, ACL_DANGEROUS, "generic");
  none("cluster", cluster, ACL_DANGEROUS, "cluster");
  none("asking", cluster, 0, "cluster");
  none("readonly", cluster, 0, "cluster");
  none("readwrite", cluster, 0, "cluster");
  none("restore-asking", payloads, 0, "generic");
}
