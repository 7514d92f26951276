/** Commands of the baseline on strings. */
import { type Command, command, formatFloat, parseFloatExact, parseInteger, type Session } from "./command.ts";
import { array, bulk, integer, nil, notFloat, notInteger, ok, one, syntaxError, wrongType, zero } from "./resp.ts";

const badExpiry = "-ERR invalid expire time in 'set' command\r\n";

function set(args: string[], { store }: Session): string {
  const key = args[1]!;
  if (args.length === 3) {
    if (store.deadlines.size !== 0) store.deadlines.delete(key);
    store.set(key, args[2]!);
    return ok;
  }
  let deadline: number | undefined;
  let onlyIf = "";
  let keepTtl = false;
  let wantsOld = false;
  for (let index = 3; index < args.length; index++) {
    const option = args[index]!.toUpperCase();
    if (option === "NX" || option === "XX") onlyIf = option;
    else if (option === "GET") wantsOld = true;
    else if (option === "KEEPTTL") keepTtl = true;
    else if (/^(EX|PX|EXAT|PXAT)$/.test(option) && index + 1 < args.length) {
      const amount = parseInteger(args[++index]!);
      if (amount === undefined) return notInteger;
      if (amount <= 0) return badExpiry;
      deadline = amount * (option.startsWith("EX") ? 1000 : 1) + (option.endsWith("AT") ? 0 : Date.now());
    } else return syntaxError;
  }
  const old = store.get(key);
  if (wantsOld && old !== undefined && typeof old !== "string") return wrongType;
  const answer = wantsOld ? bulk(old as string | undefined) : undefined;
  if ((onlyIf === "NX" && old !== undefined) || (onlyIf === "XX" && old === undefined)) return answer ?? nil;
  store.set(key, args[2]!);
  if (deadline !== undefined) store.deadlines.set(key, deadline);
  else if (!keepTtl) store.deadlines.delete(key);
  return answer ?? ok;
}

function setWithUnit(unitMs: number) {
  return (args: string[], { store }: Session): string => {
    const amount = parseInteger(args[2]!);
    if (amount === undefined) return notInteger;
    if (amount <= 0) return badExpiry;
    store.set(args[1]!, args[3]!);
    store.deadlines.set(args[1]!, Date.now() + amount * unitMs);
    return ok;
  };
}

function get(args: string[], { store }: Session): string {
  const value = store.get(args[1]!);
  if (value === undefined) return nil;
  return typeof value === "string" ? `$${value.length}\r\n${value}\r\n` : wrongType;
}

function incrementBy(key: string, by: number, { store }: Session): string {
  const old = store.get(key) ?? "0";
  if (typeof old !== "string") return wrongType;
  const current = parseInteger(old);
  if (current === undefined) return notInteger;
  const value = current + by;
  if (!Number.isSafeInteger(value)) return "-ERR increment or decrement would overflow\r\n";
  store.set(key, String(value));
  return integer(value);
}

function increment(sign: number) {
  return (args: string[], session: Session): string => {
    if (args.length === 2) return incrementBy(args[1]!, sign, session);
    const by = parseInteger(args[2]!);
    return by === undefined ? notInteger : incrementBy(args[1]!, sign * by, session);
  };
}

function incrementByFloat(args: string[], { store }: Session): string {
  const old = store.get(args[1]!) ?? "0";
  if (typeof old !== "string") return wrongType;
  const current = parseFloatExact(old);
  const by = parseFloatExact(args[2]!);
  if (current === undefined || by === undefined) return notFloat;
  const value = current + by;
  if (!Number.isFinite(value)) return "-ERR increment would produce NaN or Infinity\r\n";
  store.set(args[1]!, formatFloat(value));
  return bulk(formatFloat(value));
}

function append(args: string[], { store }: Session): string {
  const old = store.get(args[1]!) ?? "";
  if (typeof old !== "string") return wrongType;
  store.set(args[1]!, old + args[2]!);
  return integer(old.length + args[2]!.length);
}

function getRange(args: string[], { store }: Session): string {
  const value = store.get(args[1]!) ?? "";
  if (typeof value !== "string") return wrongType;
  const start = parseInteger(args[2]!);
  const end = parseInteger(args[3]!);
  if (start === undefined || end === undefined) return notInteger;
  if (start < 0 && end < 0 && start > end) return bulk("");
  const from = Math.max(0, start < 0 ? value.length + start : start);
  const to = Math.max(0, end < 0 ? value.length + end : end); // an end before the string is its first byte, as in Redis
  return bulk(value.slice(from, Math.max(from, to + 1)));
}

function setRange(args: string[], { store }: Session): string {
  const old = store.get(args[1]!) ?? "";
  if (typeof old !== "string") return wrongType;
  const offset = parseInteger(args[2]!);
  if (offset === undefined) return notInteger;
  if (offset < 0) return "-ERR offset is out of range\r\n";
  const patch = args[3]!;
  if (patch === "") return integer(old.length);
  if (offset + patch.length > 512 * 1024 * 1024 - 64) {
    return "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
  }
  const value = old.slice(0, offset).padEnd(offset, "\0") + patch + old.slice(offset + patch.length);
  store.set(args[1]!, value);
  return integer(value.length);
}

function setMany(args: string[], { store }: Session): string {
  if (args.length % 2 === 0) return "-ERR wrong number of arguments for 'mset' command\r\n";
  for (let index = 1; index < args.length; index += 2) {
    store.deadlines.delete(args[index]!);
    store.set(args[index]!, args[index + 1]!);
  }
  return ok;
}

function getMany(args: string[], { store }: Session): string {
  return array(
    args.slice(1).map((key) => {
      const value = store.get(key);
      return typeof value === "string" ? value : undefined;
    }),
  );
}

export const stringCommands: Command[] = [
  command("SET", -3, set),
  command("GET", 2, get),
  command("SETEX", 4, setWithUnit(1000)),
  command("PSETEX", 4, setWithUnit(1)),
  command("SETNX", 3, (args, session) => (set([...args, "NX"], session) === ok ? one : zero)),
  command("GETSET", 3, (args, session) => set([...args, "GET"], session)),
  command("GETDEL", 2, (args, session) => {
    const reply = get(args, session);
    if (reply !== wrongType) session.store.delete(args[1]!);
    return reply;
  }),
  command("MGET", -2, getMany),
  command("MSET", -3, setMany),
  command("INCR", 2, increment(1)),
  command("DECR", 2, increment(-1)),
  command("INCRBY", 3, increment(1)),
  command("DECRBY", 3, increment(-1)),
  command("INCRBYFLOAT", 3, incrementByFloat),
  command("APPEND", 3, append),
  command("GETRANGE", 4, getRange),
  command("SETRANGE", 4, setRange),
  command("STRLEN", 2, (args, { store }) => {
    const value = store.get(args[1]!) ?? "";
    return typeof value === "string" ? integer(value.length) : wrongType;
  }),
];
