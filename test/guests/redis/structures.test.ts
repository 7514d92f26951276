/**
 * The redis guest's container structures (packed blocks, quicklist, intset, dict and rank tree), driven at random beside a
 * plain JavaScript model. A failure names its seed: RINGZERO_SEED=n repeats the run.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { repositoryRoot } from "../../server-process.ts";

const seed = Number(process.env.RINGZERO_SEED ?? Math.floor(Math.random() * 0x7fffffff));
const rounds = Number(process.env.RINGZERO_ROUNDS ?? 8000);

type Call = (...args: number[]) => number;
let guest: Record<string, Call>;
let memory: WebAssembly.Memory;
let first = 0;
let second = 0;

beforeAll(async () => {
  const asc = await import("assemblyscript/asc");
  mkdirSync(join(repositoryRoot, "guests/build"), { recursive: true });
  const outFile = "guests/build/redis-structures.wasm";
  let messages = "";
  const sink = {
    write: (text: string | Uint8Array) => {
      messages += text.toString();
    },
  };
  const flags = ["-O1", "--runtime", "stub", "--importMemory", "--enable", "simd", "--noColors"];
  const { error } = await asc.main(
    ["guests/redis/structures.ts", "--baseDir", repositoryRoot, "--outFile", outFile, ...flags],
    { stdout: sink, stderr: sink },
  );
  if (error) throw new Error(`structures.ts does not compile: ${messages}`);
  const module = new WebAssembly.Module(readFileSync(join(repositoryRoot, outFile)));
  memory = new WebAssembly.Memory({ initial: 64, maximum: 4096 });
  const imports: Record<string, Record<string, unknown>> = { env: { memory }, ringzero: {} };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") continue;
    const space = imports[from] ?? {};
    imports[from] = space;
    if (name === "memory_limit") space[name] = () => 256 * 1048576;
    else if (name === "abort") {
      space[name] = (_text: number, _file: number, line: number) => {
        throw new Error(`assertion in the guest, line ${line}`);
      };
    } else space[name] = () => 0;
  }
  guest = new WebAssembly.Instance(module, imports as WebAssembly.Imports).exports as unknown as Record<string, Call>;
  call("init");
  first = call("alloc", 70_000);
  second = call("alloc", 70_000);
}, 120_000);

function call(name: string, ...args: number[]): number {
  const found = guest[name];
  if (found === undefined) throw new Error(`structures.ts does not export ${name}`);
  return found(...args);
}
function put(at: number, text: string): number {
  return Buffer.from(memory.buffer).write(text, at, "latin1");
}
function read(pointer: number, length: number): string {
  return Buffer.from(memory.buffer, pointer >>> 0, length).toString("latin1");
}

/** A linear congruential generator: the whole run follows from the seed. */
function randomFrom(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}
/** Mostly short words, now and then one that takes a longer length field or a node of its own. */
function word(random: (below: number) => number, longest: number): string {
  const kind = random(20);
  const length = Math.min(
    longest,
    kind < 14 ? 1 + random(6) : kind < 18 ? random(140) : kind < 19 ? random(20_000) : random(300),
  );
  let text = "";
  for (let i = 0; i < Math.min(length, 30); i++) text += String.fromCharCode(97 + random(26));
  return text.padEnd(length, "x");
}

function same(got: unknown, want: unknown, what: string): void {
  if (!Object.is(got, want)) expect.fail(`${what}: got ${String(got)}, want ${String(want)} (RINGZERO_SEED=${seed})`);
}
const item = (): string => read(call("itemPtr"), call("itemLen"));

test.each([-2, -1, 128, 4, 1])("a list behaves as an array (list-max-listpack-size %i)", (fill) => {
  const random = randomFrom(seed ^ fill);
  call("setCfg", fill, 128, 512, 512);
  const before = call("used");
  const list = call("listNew");
  const model: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const text = word(random, 20_000);
    const length = put(first, text);
    const action = random(100);
    const index = random(Math.max(1, model.length));
    if (action < 45) {
      const head = action < 20;
      call("listPush", list, head ? 1 : 0, first, length);
      if (head) model.unshift(text);
      else model.push(text);
    } else if (model.length === 0) continue;
    else if (action < 65) {
      const head = action < 55;
      call("listPeek", list, head ? 1 : 0);
      same(item(), head ? model.shift() : model.pop(), "popped");
      call("listDrop", list, head ? 1 : 0);
    } else if (action < 78) {
      const after = action < 71;
      same(call("listSeek", list, after ? index - model.length : index), 1, "seek");
      same(item(), model[index], "sought");
      call(after ? "listInsA" : "listInsB", list, first, length);
      model.splice(after ? index + 1 : index, 0, text);
    } else if (action < 84) {
      call("listRepl", list, index, first, length);
      model[index] = text;
    } else if (action < 92) {
      const backward = action < 88;
      call("listSeek", list, index);
      const more = call(backward ? "listRemB" : "listRemF", list);
      model.splice(index, 1);
      same(more, (backward ? index > 0 : index < model.length) ? 1 : 0, "more after removal");
      if (more) same(item(), model[backward ? index - 1 : index], "position after removal");
    } else if (action < 93) {
      const count = random(Math.min(model.length - index, 200) + 1);
      call("listRange", list, index, count);
      model.splice(index, count);
    }
    same(call("listLen", list), model.length, "length");
    if (round % 997 === 0 && model.length > 0) {
      const copy = call("listDup", list);
      for (const each of [list, copy]) {
        call("listSeek", each, 0);
        for (const [i, want] of model.entries()) {
          same(item(), want, `element ${i}`);
          same(call("listFwd"), i + 1 < model.length ? 1 : 0, "forward");
        }
      }
      call("release", copy);
      call("listSeek", list, -1);
      for (let i = model.length - 1; i >= 0; i--) {
        same(item(), model[i], `element ${i} from behind`);
        call("listBack");
      }
    }
  }
  call("release", list);
  same(call("used"), before, "memory after release");
});

type Pair = [member: string, score: number];
function inOrder(model: Map<string, number>): Pair[] {
  return [...model].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
}

test.each([
  [128, 10],
  [128, 100_000],
  [0, 10],
  [0, 100_000],
])("a sorted set behaves as a sorted map (packed up to %i, %i different scores)", (packed, scores) => {
  const random = randomFrom(seed ^ (packed + scores));
  call("setCfg", -2, packed, 512, 512);
  const names = Array.from({ length: packed ? 200 : 2500 }, (_, i) => word(random, 150) + i);
  const set = call("zNew");
  const model = new Map<string, number>();
  let growing = true;
  for (let round = 0; round < rounds; round++) {
    if (random(1500) === 0) growing = !growing;
    const name = names[random(names.length)] ?? "";
    const length = put(first, name);
    const action = random(100);
    const current = model.get(name);
    if (action < (growing ? 70 : 30)) {
      const score = random(scores) - scores / 2;
      same(call("zAdd", set, score, first, length, 0), current === undefined ? 1 : current === score ? 0 : 2, "added");
      model.set(name, score);
    } else if (action < 90) same(call("zRem", set, first, length), model.delete(name) ? 1 : 0, "removed");
    else if (action < 91 && model.size > 5) {
      const start = random(model.size);
      const stop = Math.min(model.size - 1, start + random(30));
      const gone = inOrder(model).slice(start, Math.max(start, stop));
      call("zRemRange", set, start, Math.max(start, stop));
      for (const [member] of gone) model.delete(member);
    } else {
      same(call("zFind", set, first, length), current === undefined ? 0 : 1, "found");
      if (current !== undefined) same(call("zScore"), current, "score");
    }
    same(call("zLen", set), model.size, "length");
    if (round % 499 !== 0 || model.size === 0) continue;
    const order = inOrder(model);
    const copy = call("zDup", set);
    for (const [each, backward] of [
      [set, 0],
      [set, 1],
      [copy, 0],
    ] as const) {
      call("zWalk", each, 0, backward);
      for (const [member, score] of backward ? order.toReversed() : order) {
        call("zStep");
        same(read(call("zMember"), call("zMemberLen")), member, "walk");
        same(call("zScore"), score, "score on the walk");
      }
    }
    call("release", copy);
    for (let i = 0; i < 20; i++) {
      const rank = random(order.length);
      const member = order[rank]?.[0] ?? "";
      same(call("zRank", set, first, put(first, member)), rank, "rank");
      call("zWalk", set, rank, 0);
      call("zStep");
      same(read(call("zMember"), call("zMemberLen")), member, "member of a rank");
      const bound = random(scores) - scores / 2;
      same(call("zBound", set, 0, bound, 0, 0), order.filter((pair) => pair[1] < bound).length, "below");
      same(call("zBound", set, 1, bound, 0, 0), order.filter((pair) => pair[1] <= bound).length, "up to");
    }
  }
  call("release", set);
});

test.each([512, 4])("a hash behaves as a map (packed up to %i)", (packed) => {
  const random = randomFrom(seed ^ packed);
  call("setCfg", -2, 128, packed, 512);
  const before = call("used");
  const hash = call("hNew");
  const model = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    const field = `f${random(packed === 512 ? 400 : 3000)}`;
    const value = word(random, 20_000);
    const length = put(first, field);
    const action = random(10);
    if (action < 6) {
      same(call("hSet", hash, first, length, second, put(second, value)), model.has(field) ? 0 : 1, "new");
      model.set(field, value);
    } else if (action < 8) same(call("hDel", hash, first, length), model.delete(field) ? 1 : 0, "deleted");
    same(call("hGet", hash, first, length), model.has(field) ? 1 : 0, "found");
    if (model.has(field)) same(read(call("hVal"), call("hValLen")), model.get(field), "value");
    same(call("hLen", hash), model.size, "length");
    if (round % 1999 !== 0) continue;
    const copy = call("hDup", hash);
    for (const each of [hash, copy]) {
      let seen = 0;
      call("hIter", each);
      while (call("hNext")) {
        same(read(call("hVal"), call("hValLen")), model.get(read(call("hField"), call("hFieldLen"))), "iterated");
        seen++;
      }
      same(seen, model.size, "fields iterated");
    }
    call("release", copy);
  }
  call("release", hash);
  same(call("used"), before, "memory after release");
});

test.each([512, 0])("a set behaves as a set (intset up to %i)", (integers) => {
  const random = randomFrom(seed ^ integers);
  call("setCfg", -2, 128, 512, integers);
  for (const range of [300, 1e6, 1e6, 1e15, 1e15]) {
    const before = call("used");
    const set = call("sNew");
    const model = new Set<string>();
    for (let round = 0; round < rounds / 2; round++) {
      // Values widen while the set is filled: an intset has to move its values into wider slots, on either side.
      const spread = round < 100 ? 300 : round < 300 ? Math.min(range, 1e6) : range;
      const text =
        round > rounds / 4 && random(4) === 0
          ? word(random, 400)
          : String(Math.round((random(600) / 600 - 0.5) * spread));
      const length = put(first, text);
      const action = random(10);
      if (action < 5) {
        same(call("sAdd", set, first, length), model.has(text) ? 0 : 1, `add ${text}`);
        model.add(text);
      } else if (action < 8) same(call("sRem", set, first, length), model.delete(text) ? 1 : 0, "removed");
      same(call("sHas", set, first, length), model.has(text) ? 1 : 0, "member");
      same(call("sLen", set), model.size, "length");
      if (round % 1999 !== 0) continue;
      const copy = call("sDup", set);
      for (const each of [set, copy]) {
        const seen = new Set<string>();
        call("sIter", each);
        while (call("sNext")) seen.add(read(call("sMember"), call("sMemberLen")));
        call("sEnd");
        same(seen.size, model.size, "members iterated");
        for (const member of seen) same(model.has(member), true, "iterated member");
      }
      call("release", copy);
    }
    call("release", set);
    same(call("used"), before, "memory after release");
  }
});
