/** Commands of the baseline on keys, expiry, transactions, the connection and the server. */
import { type Command, command, parseInteger, type Session } from "./command.ts";
import { array, bulk, emptyArray, integer, nil, notInteger, ok, one, syntaxError, zero } from "./resp.ts";
import { typeName } from "./store.ts";

function expire(unitMs: number, absolute: boolean) {
  return (args: string[], { store }: Session): string => {
    const amount = parseInteger(args[2]!);
    if (amount === undefined) return notInteger;
    if (store.get(args[1]!) === undefined) return zero;
    const deadline = amount * unitMs + (absolute ? 0 : Date.now());
    if (deadline <= Date.now()) store.delete(args[1]!);
    else {
      store.deadlines.set(args[1]!, deadline);
      store.touch(args[1]!);
    }
    return one;
  };
}

function timeToLive(unitMs: number) {
  return (args: string[], { store }: Session): string => {
    if (store.get(args[1]!) === undefined) return integer(-2);
    const deadline = store.deadlines.get(args[1]!);
    return integer(deadline === undefined ? -1 : Math.round((deadline - Date.now()) / unitMs));
  };
}

/** Redis' glob as a regular expression. */
function globExpression(glob: string): RegExp {
  const source = glob.replace(/\\(.)|\[\^?[^\]]*\]|[*?]|[.+^${}()|[\]\\]/gs, (part, escaped?: string) => {
    if (escaped !== undefined) return escaped.replace(/\W/, "\\$&");
    if (part === "*") return "[^]*";
    if (part === "?") return "[^]";
    return part.startsWith("[") && part.length > 1 ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

function scan(args: string[], { store }: Session): string {
  const cursor = parseInteger(args[1]!);
  if (cursor === undefined || cursor < 0) return "-ERR invalid cursor\r\n";
  let pattern: RegExp | undefined;
  let count = 10;
  let type: string | undefined;
  for (let index = 2; index < args.length; index += 2) {
    const option = args[index]!.toUpperCase();
    const value = args[index + 1];
    if (value === undefined) return syntaxError;
    if (option === "MATCH") pattern = globExpression(value);
    else if (option === "TYPE") type = value.toLowerCase();
    else if (option === "COUNT") count = parseInteger(value) ?? 0;
    else return syntaxError;
  }
  if (count < 1) return syntaxError;
  // A Map iterates in insertion order: the cursor is a position in it.
  const found: string[] = [];
  let position = 0;
  for (const key of store.values.keys()) {
    if (position >= cursor + count) break;
    if (position++ < cursor) continue;
    const value = store.get(key);
    if (value !== undefined && (!pattern || pattern.test(key)) && (!type || typeName(value) === type)) found.push(key);
  }
  const next = position >= store.values.size ? 0 : position;
  return `*2\r\n${bulk(String(next))}${array(found)}`;
}

function rename(args: string[], { store }: Session): string {
  const value = store.get(args[1]!);
  if (value === undefined) return "-ERR no such key\r\n";
  const deadline = store.deadlines.get(args[1]!);
  store.delete(args[1]!);
  store.deadlines.delete(args[2]!);
  store.set(args[2]!, value);
  if (deadline !== undefined) store.deadlines.set(args[2]!, deadline);
  return ok;
}

function deleteKeys(args: string[], { store }: Session): string {
  let deleted = 0;
  for (let index = 1; index < args.length; index++) {
    if (store.get(args[index]!) !== undefined && store.delete(args[index]!)) deleted++;
  }
  return integer(deleted);
}

function flush({ store }: Session): string {
  store.clear();
  return ok;
}

function unwatch(session: Session): void {
  session.watching = undefined;
}

function watch(args: string[], session: Session): string {
  if (session.queue) return "-ERR WATCH inside MULTI is not allowed\r\n";
  session.watching ??= new Map();
  for (const key of args.slice(1)) {
    session.store.expireIfDue(key);
    const changes = session.store.watched.get(key) ?? 0;
    session.store.watched.set(key, changes);
    if (!session.watching.has(key)) session.watching.set(key, changes);
  }
  return ok;
}

function exec(session: Session, commands: Map<string, Command>): string {
  const { queue, queueBroken, watching } = session;
  if (!queue) return "-ERR EXEC without MULTI\r\n";
  session.queue = undefined;
  unwatch(session);
  if (queueBroken) return "-EXECABORT Transaction discarded because of previous errors.\r\n";
  for (const [key, changes] of watching ?? []) {
    session.store.expireIfDue(key);
    if (session.store.watched.get(key) !== changes) return "*-1\r\n";
  }
  let replies = `*${queue.length}\r\n`;
  for (const args of queue) replies += commands.get(args[0]!.toUpperCase())!.run(args, session);
  return replies;
}

function info(session: Session): string {
  const memory = process.memoryUsage();
  const lines = [
    "# Server",
    "redis_version:7.0.15",
    "redis_mode:standalone",
    `process_id:${process.pid}`,
    `uptime_in_seconds:${Math.floor(process.uptime())}`,
    "# Memory",
    `used_memory:${memory.heapUsed + memory.external}`,
    `used_memory_rss:${memory.rss}`,
    "# Keyspace",
    `db0:keys=${session.store.values.size},expires=${session.store.deadlines.size},avg_ttl=0`,
  ];
  return bulk(`${lines.join("\r\n")}\r\n`);
}

const configuration = new Map([
  ["save", ""],
  ["appendonly", "no"],
  ["maxmemory", "0"],
]);

export function keyCommands(commands: Map<string, Command>): Command[] {
  return [
    command("DEL", -2, deleteKeys),
    command("UNLINK", -2, deleteKeys),
    command("EXISTS", -2, (args, { store }) =>
      integer(args.slice(1).filter((key) => store.get(key) !== undefined).length),
    ),
    command("TYPE", 2, (args, { store }) => {
      const value = store.get(args[1]!);
      return `+${value === undefined ? "none" : typeName(value)}\r\n`;
    }),
    command("KEYS", 2, (args, { store }) => {
      const pattern = globExpression(args[1]!);
      return array([...store.values.keys()].filter((key) => pattern.test(key) && store.get(key) !== undefined));
    }),
    command("SCAN", -2, scan),
    command("RENAME", 3, rename),
    command("DBSIZE", 1, (_args, { store }) => integer(store.values.size)),
    command("FLUSHALL", -1, (_args, session) => flush(session)),
    command("FLUSHDB", -1, (_args, session) => flush(session)),
    command("EXPIRE", 3, expire(1000, false)),
    command("PEXPIRE", 3, expire(1, false)),
    command("EXPIREAT", 3, expire(1000, true)),
    command("PEXPIREAT", 3, expire(1, true)),
    command("TTL", 2, timeToLive(1000)),
    command("PTTL", 2, timeToLive(1)),
    command("PERSIST", 2, (args, { store }) =>
      store.get(args[1]!) !== undefined && store.deadlines.delete(args[1]!) ? one : zero,
    ),
    command("MULTI", 1, (_args, session) => {
      if (session.queue) return "-ERR MULTI calls can not be nested\r\n";
      session.queue = [];
      session.queueBroken = false;
      return ok;
    }),
    command("EXEC", 1, (_args, session) => exec(session, commands)),
    command("DISCARD", 1, (_args, session) => {
      if (!session.queue) return "-ERR DISCARD without MULTI\r\n";
      session.queue = undefined;
      unwatch(session);
      return ok;
    }),
    command("WATCH", -2, watch),
    command("UNWATCH", 1, (_args, session) => {
      unwatch(session);
      return ok;
    }),
    command("PING", -1, (args) => (args.length === 1 ? "+PONG\r\n" : bulk(args[1]))),
    command("ECHO", 2, (args) => bulk(args[1])),
    command("SELECT", 2, (args) => (args[1] === "0" ? ok : "-ERR DB index is out of range\r\n")),
    command("QUIT", -1, (_args, session) => {
      session.closing = true;
      return ok;
    }),
    command("TIME", 1, () => {
      const now = Date.now();
      return array([String(Math.floor(now / 1000)), String((now % 1000) * 1000)]);
    }),
    command("CONFIG", -2, (args) => {
      if (args[1]!.toUpperCase() !== "GET") return ok;
      const pattern = globExpression((args[2] ?? "*").toLowerCase());
      return array([...configuration].filter(([name]) => pattern.test(name)).flat());
    }),
    command("INFO", -1, (_args, session) => info(session)),
    command("COMMAND", -1, (args) => {
      const wanted = args[1]?.toUpperCase();
      if (wanted === "COUNT") return integer(commands.size);
      if (wanted === "DOCS") return emptyArray;
      const rows = [...commands.values()].map(
        ({ name, arity }) => `*6\r\n${bulk(name.toLowerCase())}:${arity}\r\n*0\r\n:1\r\n:1\r\n:1\r\n`,
      );
      return `*${rows.length}\r\n${rows.join("")}`;
    }),
    command("CLIENT", -2, (args) => (args[1]!.toUpperCase() === "GETNAME" ? nil : ok)),
  ];
}
