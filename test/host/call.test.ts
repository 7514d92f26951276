/**
 * Calls into a guest without a socket: `machine.caller` and `machine.call`, with guests that answer from callbacks and from threads, answers
 * that come late, and everything that a guest or an embedder can do wrong.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import binaryen from "binaryen";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { boot, CallError, type Caller, type Machine } from "../../host/index.ts";
import { randomFor } from "../random.ts";

const PORT = 6379;
const decoder = new TextDecoder("latin1");
const text = (bytes: Uint8Array): string => decoder.decode(bytes);
const command = (...words: (string | number)[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join("")}`;

/** The code of the CallError that `run` throws. */
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CallError) return error.code;
    throw error;
  }
  return "none";
}

describe("the redis guest", () => {
  let machine: Machine;
  let caller: Caller;
  beforeAll(async () => {
    machine = await boot("redis");
  });
  beforeEach(() => {
    caller = machine.caller(PORT);
    caller.call("FLUSHALL\r\n");
  });
  afterEach(() => caller.close());
  afterAll(async () => {
    expect(await machine.stop()).toEqual({ code: 0, reason: null });
  });

  const ask = (...words: (string | number)[]): string => text(caller.call(command(...words)));
  const field = (section: string, name: string): number =>
    Number(new RegExp(`${name}:(\\d+)`).exec(ask("INFO", section))?.[1]);

  it("answers at once, in the caller's own stack", () => {
    expect(text(caller.call("PING\r\n"))).toBe("+PONG\r\n");
    expect(text(caller.call(Buffer.from("ECHO hello\r\n")))).toBe("$5\r\nhello\r\n");
    expect(ask("SET", "ü", "ä")).toBe("+OK\r\n");
    expect(Buffer.from(caller.call(command("GET", "ü"))).toString()).toBe("$2\r\nä\r\n");
  });

  it("takes several requests: one after the other in one piece, or as a list", () => {
    expect(text(caller.call(["SET a 1\r\n", Buffer.from("INCR a\r\n"), "GET a\r\n"]))).toBe("+OK\r\n:2\r\n$1\r\n2\r\n");
    expect(text(caller.call("INCR a\r\nINCR a\r\n"))).toBe(":3\r\n:4\r\n");
    expect(caller.call([]).length).toBe(0);
    expect(caller.call("").length).toBe(0);
  });

  it("takes a request in pieces, cut anywhere", () => {
    const request = command("SET", "key", "a\r\nvalue");
    for (let cut = 1; cut < request.length; cut++) {
      expect(text(caller.call(request.slice(0, cut)))).toBe("");
      expect(text(caller.call(request.slice(cut)))).toBe("+OK\r\n");
      expect(text(caller.call([request.slice(0, cut), request.slice(cut)]))).toBe("+OK\r\n");
    }
  });

  it("gives bytes that stay what they are", () => {
    const first = caller.call("PING\r\n");
    const value = caller.call(command("ECHO", "x".repeat(1000)));
    for (let i = 0; i < 100; i++) caller.call(command("ECHO", "y".repeat(1000)));
    expect(text(first)).toBe("+PONG\r\n");
    expect(text(value)).toBe(`$1000\r\n${"x".repeat(1000)}\r\n`);
  });

  it("copies what it is given", () => {
    const bytes = Buffer.from("*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n");
    expect(text(caller.call(bytes.subarray(0, 20)))).toBe("");
    bytes.fill(0, 0, 20);
    expect(text(caller.call(bytes.subarray(20)))).toBe("$3\r\nabc\r\n");
  });

  it("keeps the state of a connection", () => {
    const other = machine.caller(PORT);
    expect(ask("SELECT", 3)).toBe("+OK\r\n");
    expect(ask("SET", "here", "yes")).toBe("+OK\r\n");
    expect(text(other.call(command("GET", "here")))).toBe("$-1\r\n");
    expect(ask("MULTI")).toBe("+OK\r\n");
    expect(ask("GET", "here")).toBe("+QUEUED\r\n");
    expect(text(other.call("PING\r\n"))).toBe("+PONG\r\n");
    expect(ask("EXEC")).toBe("*1\r\n$3\r\nyes\r\n");
    other.close();
  });

  it("moves values larger than all receive buffers together, both ways", () => {
    const value = randomBytes(5_000_003);
    const head = Buffer.from(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n`);
    expect(text(caller.call(Buffer.concat([head, value, Buffer.from("\r\n")])))).toBe("+OK\r\n");
    expect(text(caller.call([head, value, "\r\n"]))).toBe("+OK\r\n");
    const answer = Buffer.from(caller.call(command("GET", "big")));
    expect(answer.subarray(answer.indexOf("\n") + 1, -2).equals(value)).toBe(true);
  });

  it("answers 100,000 requests of one call, and gives its memory back", () => {
    const before = field("memory", "used_memory");
    const answer = caller.call(command("INCR", "n").repeat(100_000));
    expect(text(answer.subarray(-9))).toBe(":100000\r\n");
    expect(text(answer).split("\r\n").length).toBe(100_001);
    expect(field("memory", "used_memory") - before).toBeLessThan(1_000_000);
  });

  it("sees what other connections do, and they what it does", async () => {
    const socket = machine.connect(PORT);
    caller.call(command("SET", "shared", "from a call"));
    socket.write("GET shared\r\n");
    expect(String((await once(socket, "data"))[0])).toBe("$11\r\nfrom a call\r\n");
    socket.write("SET shared other\r\n");
    await once(socket, "data");
    expect(ask("GET", "shared")).toBe("$5\r\nother\r\n");
    socket.destroy();
  });

  it("waits for answers that come late", async () => {
    expect(ask("BLPOP", "list", 0)).toBe("");
    const answer = caller.answer();
    const other = machine.caller(PORT);
    expect(text(other.call(command("RPUSH", "list", "item")))).toBe(":1\r\n");
    expect(text(await answer)).toBe("*2\r\n$4\r\nlist\r\n$4\r\nitem\r\n");
    // A timeout of the guest's is an answer, too.
    expect(ask("BLPOP", "list", "0.01")).toBe("");
    expect(text(await caller.answer())).toBe("*-1\r\n");
    other.close();
  });

  it("answers late in order: what is asked meanwhile waits behind it", async () => {
    expect(text(caller.call([command("SET", "a", 1), command("BLPOP", "list", 0), command("GET", "a")]))).toBe(
      "+OK\r\n",
    );
    expect(ask("GET", "a")).toBe("");
    const other = machine.caller(PORT);
    other.call(command("RPUSH", "list", "x"));
    const answer = await caller.answer({ until: (bytes) => text(bytes).endsWith("$1\r\n1\r\n$1\r\n1\r\n") });
    expect(text(answer)).toBe("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\n1\r\n");
    other.close();
  });

  it("machine.call: requests that stand by themselves, many at a time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        machine.call(PORT, [command("SET", `k${index}`, index), command("GET", `k${index}`)]),
      ),
    );
    expect(answers.map(text)).toEqual(
      Array.from({ length: 200 }, (_, index) => `+OK\r\n$${String(index).length}\r\n${index}\r\n`),
    );
    const blocked = machine.call(PORT, command("BLPOP", "late", 0));
    expect(text(await machine.call(PORT, command("RPUSH", "late", "v")))).toBe(":1\r\n");
    expect(text(await blocked)).toBe("*2\r\n$4\r\nlate\r\n$1\r\nv\r\n");
  });

  it("machine.call uses connections again, and none on which something is left over", async () => {
    await machine.call(PORT, "PING\r\n");
    const before = field("stats", "total_connections_received");
    for (let i = 0; i < 50; i++) expect(text(await machine.call(PORT, "PING\r\n"))).toBe("+PONG\r\n");
    expect(field("stats", "total_connections_received")).toBe(before);
    // The first answer comes at once, the second after the call has settled.
    expect(text(await machine.call(PORT, [command("PING"), command("BLPOP", "rest", 0)]))).toBe("+PONG\r\n");
    ask("RPUSH", "rest", "x");
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 5; i++) expect(text(await machine.call(PORT, "PING\r\n"))).toBe("+PONG\r\n");
  });

  it("gives up waiting", async () => {
    const controller = new AbortController();
    const waiting = machine.call(PORT, command("BLPOP", "never", 0), { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(machine.call(PORT, "PING\r\n", { signal: controller.signal })).rejects.toThrow("enough");
    expect(text(await machine.call(PORT, "PING\r\n"))).toBe("+PONG\r\n");
  });

  it("hangs up: the guest forgets the connection", async () => {
    const before = field("clients", "connected_clients");
    const callers = Array.from({ length: 500 }, () => machine.caller(PORT));
    for (const one of callers) expect(text(one.call("PING\r\n"))).toBe("+PONG\r\n");
    expect(field("clients", "connected_clients")).toBe(before + 500);
    for (const one of callers) one.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(field("clients", "connected_clients")).toBe(before);
    expect(codeOf(() => callers[0]?.call("PING\r\n"))).toBe("EPIPE");
    await expect(callers[0]?.answer()).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("hears that the guest has closed the connection", async () => {
    expect(ask("QUIT")).toBe("+OK\r\n");
    expect(codeOf(() => caller.call("PING\r\n"))).toBe("none"); // the guest closes once it knows that its answer was taken
    await new Promise((resolve) => setImmediate(resolve));
    expect(caller.closed).toBe(true);
    expect(codeOf(() => caller.call("PING\r\n"))).toBe("ECONNRESET");
    await expect(caller.answer()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(caller.take().length).toBe(0);
  });

  it("is refused like any other client", async () => {
    ask("CONFIG", "SET", "maxclients", field("clients", "connected_clients"));
    const refused = machine.caller(PORT);
    expect(text(refused.take())).toBe("-ERR max number of clients reached\r\n");
    expect(refused.closed).toBe(true);
    expect(codeOf(() => refused.call("PING\r\n"))).toBe("ECONNRESET");
    ask("CONFIG", "SET", "maxclients", 10000);
  });

  it("somebody who does not take what he gets costs what a slow reader costs", async () => {
    ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0");
    const deaf = machine.caller(PORT);
    expect(text(deaf.call(command("SUBSCRIBE", "news")))).toContain("subscribe");
    const message = "m".repeat(100_000);
    let reached = 0;
    for (let i = 0; i < 100 && !deaf.closed; i++) {
      reached += Number(ask("PUBLISH", "news", message).slice(1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(deaf.closed).toBe(true);
    expect(reached).toBeLessThan(15);
    expect(field("memory", "used_memory")).toBeLessThan(6_000_000);
  });

  it("what is sent unasked is taken when it comes", async () => {
    const listener = machine.caller(PORT);
    listener.call(command("SUBSCRIBE", "news"));
    for (let i = 0; i < 3; i++) {
      const heard = listener.answer();
      expect(ask("PUBLISH", "news", `message ${i}`)).toBe(":1\r\n");
      expect(text(await heard)).toContain(`message ${i}`);
    }
    listener.close();
  });

  it("only one can wait", async () => {
    const first = caller.answer();
    await expect(caller.answer()).rejects.toMatchObject({ code: "EAGAIN" });
    caller.close();
    await expect(first).rejects.toMatchObject({ code: "EPIPE" });
  });

  it("nobody listens there", async () => {
    expect(codeOf(() => machine.caller(1))).toBe("ECONNREFUSED");
    await expect(machine.call(1, "x")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("cannot be called from what it has brought about", async () => {
    const socket = machine.connect(PORT);
    const codes: string[] = [];
    let later: Promise<Uint8Array> | undefined;
    socket.on("data", () => {
      codes.push(codeOf(() => caller.call("PING\r\n")));
      codes.push(codeOf(() => machine.caller(PORT)));
      later = machine.call(PORT, "PING\r\n");
    });
    socket.write("PING\r\n");
    await once(socket, "data");
    socket.destroy();
    expect(text((await later) as Uint8Array)).toBe("+PONG\r\n");
    // Whether a stream speaks in the machine's stack or after it is the stream's affair.
    expect(["EDEADLK", "none"]).toContain(codes[0]);
    expect(ask("PING")).toBe("+PONG\r\n");
  });

  it("survives a million bytes of noise", () => {
    const random = randomFor("calls");
    const parts = [
      "*3\r\n",
      "$3\r\n",
      "SET\r\n",
      "a\r\n",
      "PING\r\n",
      "*-1\r\n",
      "$99999999\r\n",
      "\0",
      "\n",
      "GET a\r\n",
      "QUIT\r\n",
    ];
    for (let sent = 0, victim = machine.caller(PORT); sent < 1_000_000; ) {
      const noise = random.oneIn(2)
        ? Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)))
        : Buffer.from(Array.from({ length: random.below(20) }, () => parts[random.below(parts.length)]).join(""));
      sent += noise.length + 1;
      const code = codeOf(() => victim.call(noise));
      expect(["none", "ECONNRESET"]).toContain(code);
      if (code !== "none" || random.oneIn(50)) {
        victim.close();
        victim = machine.caller(PORT);
      }
    }
    expect(ask("PING")).toBe("+PONG\r\n");
  });
});

describe("files and ends", () => {
  it("an answer that waits for the disk is waited for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-call-"));
    const machine = await boot("redis", {
      volumes: { "/data": folder },
      args: ["--appendonly", "yes", "--appendfsync", "always"],
    });
    await machine.listening(PORT);
    const caller = machine.caller(PORT);
    const [one] = await Promise.all([
      machine.call(PORT, command("SET", "a", 1)),
      machine.call(PORT, command("SET", "b", 2)),
    ]);
    expect(text(one)).toBe("+OK\r\n");
    const atOnce = text(caller.call(command("SET", "c", 3)));
    expect(atOnce || text(await caller.answer())).toBe("+OK\r\n");
    expect(text(await machine.call(PORT, command("GET", "c")))).toBe("$1\r\n3\r\n");
    expect(readFileSync(join(folder, "appendonlydir/appendonly.aof.1.incr.aof"), "latin1")).toContain(
      "SET\r\n$1\r\nc\r\n",
    );
    await machine.stop();
    rmSync(folder, { recursive: true });
  });

  it("tells when the guest listens, or that it never will", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ringzero-call-"));
    const machine = await boot("redis", { volumes: { "/data": folder }, args: ["--appendonly", "yes"] });
    expect(codeOf(() => machine.caller(PORT))).toBe("ECONNREFUSED"); // it reads its files first
    await machine.listening(PORT);
    expect(text(machine.caller(PORT).call("PING\r\n"))).toBe("+PONG\r\n");
    const never = machine.listening(1);
    await machine.stop();
    await expect(never).rejects.toMatchObject({ code: "ESHUTDOWN" });
    rmSync(folder, { recursive: true });
  });

  it("a machine that ends takes its callers with it", async () => {
    const machine = await boot("redis");
    const caller = machine.caller(PORT);
    caller.call(command("BLPOP", "x", 0));
    const waiting = [caller.answer(), machine.call(PORT, command("BLPOP", "x", 0))];
    const ends = Promise.allSettled(waiting);
    await machine.stop();
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "ESHUTDOWN" } });
    expect(codeOf(() => caller.call("PING\r\n"))).toBe("ESHUTDOWN");
    expect(codeOf(() => machine.caller(PORT))).toBe("ESHUTDOWN");
    await expect(machine.call(PORT, "PING\r\n")).rejects.toMatchObject({ code: "ESHUTDOWN" });
    caller.close();
  });

  it("a call may be the machine's end", async () => {
    const machine = await boot("redis");
    const caller = machine.caller(PORT);
    expect(codeOf(() => caller.call("SHUTDOWN NOSAVE\r\n"))).toBe("ESHUTDOWN");
    expect((await machine.exited).code).toBe(0);
  });
});

describe("other guests", () => {
  it("http: a request, and two on one connection", async () => {
    const machine = await boot("http");
    const caller = machine.caller(80);
    const request = "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n";
    expect(text(caller.call(request))).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nHello, world!\n$/s);
    expect(text(caller.call([request, request])).split("Hello, world!").length).toBe(3);
    expect(text(await machine.call(80, "GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n"))).toMatch(/^HTTP\/1\.1 404 /);
    await machine.stop();
  });

  it("echo, which has threads: answers come in turns", async () => {
    const machine = await boot("echo");
    const caller = machine.caller(7);
    expect(codeOf(() => caller.call("x"))).toBe("EOPNOTSUPP");
    for (const word of ["hello", "again"]) {
      caller.send(word);
      expect(text(await caller.answer())).toBe(word);
    }
    expect(text(await machine.call(7, "by itself"))).toBe("by itself");
    const big = randomBytes(3_000_000);
    const whole = await machine.call(7, big, { until: ({ length }) => length === big.length });
    expect(Buffer.from(whole).equals(big)).toBe(true);
    caller.close();
    await machine.stop();
  });
});

describe("a hostile guest", () => {
  /**
   * A ring guest that listens on port 7 and does what the first byte of what it receives says: `!` traps, `x` exits, `l` closes, `p` stops
   * reading, `d` sends the same bytes twice under one token, `b` sends from beyond its memory; anything else is sent back as it is.
   */
  const module = binaryen.parseText(`(module
    (import "ringzero" "socket" (func $socket (param i32 i32 i32) (result i32)))
    (import "ringzero" "bind" (func $bind (param i32 i32 i32) (result i32)))
    (import "ringzero" "listen" (func $listen (param i32 i32) (result i32)))
    (import "ringzero" "close" (func $close (param i32) (result i32)))
    (import "ringzero" "exit" (func $exit (param i32)))
    (import "ringzero" "ring_setup" (func $setup (param i32 i32) (result i32)))
    (import "ringzero" "ring_buffers" (func $buffers (param i32 i32 i32) (result i32)))
    (import "ringzero" "ring_attach" (func $attach (param i32 i32) (result i32)))
    (import "ringzero" "ring_pause" (func $pause (param i32 i32) (result i32)))
    (import "ringzero" "ring_send" (func $send (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 4)
    (data (i32.const 16) "\\02\\00\\00\\07\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00")
    (func (export "_start") (local $fd i32)
      (local.set $fd (call $socket (i32.const 2) (i32.const 1) (i32.const 0)))
      (drop (call $bind (local.get $fd) (i32.const 16) (i32.const 16)))
      (drop (call $listen (local.get $fd) (i32.const 16)))
      (drop (call $setup (i32.const 4096) (i32.const 64)))
      (drop (call $buffers (i32.const 65536) (i32.const 4096) (i32.const 8)))
      (drop (call $attach (local.get $fd) (i32.const 0))))
    (func (export "ring_dispatch") (param $count i32) (param f64) (param f64)
      (local $at i32) (local $fd i32) (local $ptr i32) (local $n i32) (local $c i32)
      (local.set $at (i32.const 4096))
      (block $done (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (i32.eq (i32.load (local.get $at)) (i32.const 2)) (then
          (local.set $fd (i32.load (i32.add (local.get $at) (i32.const 4))))
          (local.set $n (i32.load (i32.add (local.get $at) (i32.const 12))))
          (local.set $ptr (i32.load (i32.add (local.get $at) (i32.const 16))))
          (local.set $c (i32.load8_u (local.get $ptr)))
          (if (i32.eq (local.get $c) (i32.const 33)) (then (unreachable)))
          (if (i32.eq (local.get $c) (i32.const 120)) (then (call $exit (i32.const 3))))
          (if (i32.eq (local.get $c) (i32.const 108)) (then (drop (call $close (local.get $fd)))))
          (if (i32.eq (local.get $c) (i32.const 112)) (then (drop (call $pause (local.get $fd) (i32.const 1)))))
          (if (i32.eq (local.get $c) (i32.const 98))
            (then (drop (call $send (local.get $fd) (i32.const 262140) (i32.const 8) (i32.const 1))))
            (else (drop (call $send (local.get $fd) (local.get $ptr) (local.get $n) (i32.const 1)))))
          (if (i32.eq (local.get $c) (i32.const 100))
            (then (drop (call $send (local.get $fd) (local.get $ptr) (local.get $n) (i32.const 1)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))))`);
  const bytes = module.emitBinary();
  let machine: Machine;
  let caller: Caller;
  beforeEach(async () => {
    machine = await boot(Uint8Array.from(bytes), { publish: { 7: 0 } });
    caller = machine.caller(7);
    expect(text(caller.call("hello"))).toBe("hello");
  });
  afterEach(() => machine.kill());

  it("traps: the caller hears of it, and the host lives", async () => {
    expect(codeOf(() => caller.call("!"))).toBe("ESHUTDOWN");
    expect((await machine.exited).reason).toContain("unreachable");
    expect(() => caller.call("?")).toThrow("unreachable");
  });

  it("exits in the middle of a call", async () => {
    expect(codeOf(() => caller.call("x"))).toBe("ESHUTDOWN");
    expect((await machine.exited).code).toBe(3);
  });

  it("closes in the middle of a call", () => {
    expect(codeOf(() => caller.call("l"))).toBe("none");
    expect(codeOf(() => caller.call("?"))).toBe("ECONNRESET");
    expect(text(machine.caller(7).call("still here"))).toBe("still here");
  });

  it("stops reading: what it has not taken waits, and a further call is refused", () => {
    expect(text(caller.call("p"))).toBe("p");
    expect(text(caller.call("y".repeat(1_000_000)))).toBe("");
    expect(codeOf(() => caller.call("z"))).toBe("EAGAIN");
    expect(text(machine.caller(7).call("others are served"))).toBe("others are served");
  });

  it("sends one thing twice, or from beyond its memory: that is what the caller gets", () => {
    expect(text(caller.call("double"))).toBe("doubledouble");
    expect(text(caller.call("beyond"))).toBe("");
    expect(text(caller.call("hello"))).toBe("hello");
  });

  it("receives what is longer than its buffers in pieces", () => {
    const long = Array.from({ length: 50_000 }, (_, i) => String.fromCharCode(65 + (i % 26))).join("");
    expect(text(caller.call(long))).toBe(long);
  });
});
