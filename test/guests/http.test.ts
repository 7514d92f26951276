import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boot, type Machine } from "../../host/index.ts";
import { bytesOf } from "./run-guest.ts";

const big = randomBytes(3_000_001);
let folder = "";
let machine: Machine;
let agent: Agent;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-http-"));
  writeFileSync(join(folder, "secret"), "outside of the root");
  const root = join(folder, "www");
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(root, "index.html"), "<h1>front page</h1>\n");
  writeFileSync(join(root, "sub", "index.html"), "<h1>sub page</h1>\n");
  writeFileSync(join(root, "style.css"), "body {}\n");
  writeFileSync(join(root, "a b ü.txt"), "odd name\n");
  writeFileSync(join(root, "empty"), "");
  writeFileSync(join(root, "big.bin"), big);
  mkdirSync(join(root, "no-index"));
  symlinkSync("style.css", join(root, "link.css"));
  machine = await boot("http", {
    publish: { 80: 0 },
    volumes: { "/srv/www": { host: root, readOnly: true } },
  });
  agent = new Agent({ keepAlive: true, maxSockets: 8 });
});
afterAll(async () => {
  agent.destroy();
  await machine.stop();
  expect((await machine.exited).code).toBe(0);
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask(
  path: string,
  method = "GET",
  headers: Record<string, string> = {},
  body?: Buffer | string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: machine.port(80), host: "127.0.0.1", path, method, headers, agent }, (answer) => {
      bytesOf(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes }),
        reject,
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function dial(): Socket {
  return connect({ port: machine.port(80), host: "127.0.0.1", noDelay: true });
}

/** Sends raw bytes in the given pieces, one by one, and gives back all that comes until the guest closes. */
async function raw(...pieces: (string | Buffer)[]): Promise<string> {
  const socket = dial();
  const answer = bytesOf(socket);
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return (await answer).toString("latin1");
}

describe("routes", () => {
  test("a greeting", async () => {
    const { status, headers, body } = await ask("/hello");
    expect(status).toBe(200);
    expect(body.toString()).toBe("Hello, world!\n");
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(headers["content-length"]).toBe("14");
    expect(Math.abs(Date.parse(headers.date ?? "") - Date.now())).toBeLessThan(2500);
    expect((await ask("/hello?Bob")).body.toString()).toBe("Hello, Bob!\n");
  });

  test("a body comes back, sized or chunked", async () => {
    for (const size of [0, 1, 1000, 70_000, 1024 * 1024]) {
      const body = randomBytes(size);
      expect((await ask("/echo", "POST", {}, body)).body.equals(body)).toBe(true);
      const chunked = await ask("/echo", "POST", { "Transfer-Encoding": "chunked" }, body);
      expect(chunked.status).toBe(200);
      expect(chunked.body.equals(body)).toBe(true);
    }
  });

  test("statistics", async () => {
    const { headers, body } = await ask("/stats");
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body.toString())).toMatchObject({ requests: expect.any(Number), uptimeMs: expect.any(Number) });
  });

  test("a method that a route does not know is refused with those it does", async () => {
    expect(await ask("/hello", "DELETE")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    expect(await ask("/echo", "GET")).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(await ask("/style.css", "PUT", {}, "x")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  test("HEAD has the headers of GET and no body", async () => {
    for (const path of ["/hello", "/big.bin"]) {
      const [get, head] = [await ask(path), await ask(path, "HEAD")];
      expect(head.status).toBe(200);
      expect(head.body.length).toBe(0);
      for (const name of ["content-length", "content-type", "etag"]) expect(head.headers[name]).toBe(get.headers[name]);
    }
  });
});

describe("files", () => {
  test("are served with their types", async () => {
    expect((await ask("/")).body.toString()).toBe("<h1>front page</h1>\n");
    expect((await ask("/")).headers["content-type"]).toBe("text/html; charset=utf-8");
    expect((await ask("/sub/")).body.toString()).toBe("<h1>sub page</h1>\n");
    expect((await ask("/style.css")).headers["content-type"]).toBe("text/css; charset=utf-8");
    expect((await ask("/link.css")).body.toString()).toBe("body {}\n");
    expect((await ask("/a%20b%20%C3%BC.txt")).body.toString()).toBe("odd name\n");
    expect(await ask("/empty")).toMatchObject({ status: 200, headers: { "content-length": "0" } });
    expect(await ask("/sub")).toMatchObject({ status: 301, headers: { location: "/sub/" } });
    expect(await ask("/sub?a=b")).toMatchObject({ status: 301, headers: { location: "/sub/?a=b" } });
  });

  test("a large one comes whole, to several at once, with other answers behind it", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask("/big.bin")));
    expect(answers.every((answer) => answer.body.equals(big))).toBe(true);
    const head = "Host: a\r\n";
    const both = await raw(
      `GET /big.bin HTTP/1.1\r\n${head}\r\nGET /hello HTTP/1.1\r\n${head}Connection: close\r\n\r\n`,
    );
    expect(both.length).toBeGreaterThan(big.length);
    expect(both.endsWith("Hello, world!\n")).toBe(true);
  });

  test("what is not there is not found", async () => {
    for (const path of ["/none", "/sub/none", "/style.css/", "/style.css/x", "/no-index/", `/${"x".repeat(300)}`]) {
      expect((await ask(path)).status).toBe(404);
    }
  });

  test("no path leads out of the root", async () => {
    for (const path of ["/../secret", "/%2e%2e/secret", "/sub/../../secret", "/..%2fsecret", "/sub/..//../secret"]) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
      expect(answer).not.toContain("outside");
    }
    expect((await ask("/sub/../style.css")).status).toBe(200);
  });

  test("a client that has it already is told so", async () => {
    const { headers } = await ask("/style.css");
    const unchanged = await ask("/style.css", "GET", { "If-None-Match": headers.etag ?? "" });
    expect(unchanged).toMatchObject({ status: 304, headers: { etag: headers.etag } });
    expect(unchanged.body.length).toBe(0);
    expect((await ask("/style.css", "GET", { "If-Modified-Since": headers["last-modified"] ?? "" })).status).toBe(304);
    expect((await ask("/style.css", "GET", { "If-None-Match": '"other"' })).status).toBe(200);
  });

  test("a file that changes is served as it is now", async () => {
    writeFileSync(join(folder, "www", "changing.txt"), "before");
    expect((await ask("/changing.txt")).body.toString()).toBe("before");
    writeFileSync(join(folder, "www", "changing.txt"), "after the change");
    expect((await ask("/changing.txt")).body.toString()).toBe("after the change");
    rmSync(join(folder, "www", "changing.txt"));
    expect((await ask("/changing.txt")).status).toBe(404);
  });
});

describe("the protocol", () => {
  const close = "Host: a\r\nConnection: close\r\n\r\n";

  test("requests come in any pieces", async () => {
    const text = `POST /echo HTTP/1.1\r\nContent-Length: 5\r\n${close}12345`;
    for (let cut = 1; cut < text.length; cut += 7) {
      expect(await raw(text.slice(0, cut), text.slice(cut))).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n12345$/);
    }
    expect(await raw(...text)).toMatch(/\r\n\r\n12345$/);
    const chunked = `POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${close}3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n`;
    expect(await raw(...chunked)).toMatch(/\r\n\r\nabcde$/);
  });

  test("pipelined requests are answered in order", async () => {
    const count = 500;
    const requests = Array.from({ length: count }, (_, i) => `GET /hello?${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
    const answer = await raw(`${requests}GET /hello?last HTTP/1.1\r\n${close}`);
    const names = [...answer.matchAll(/Hello, (\w+)!/g)].map((match) => match[1]);
    expect(names).toEqual([...Array.from({ length: count }, (_, i) => String(i)), "last"]);
  });

  test("HTTP/1.0 closes unless it is asked to stay", async () => {
    expect(await raw("GET /hello HTTP/1.0\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*Connection: close\r\n[\s\S]*world!\n$/,
    );
    const stays = await raw(
      "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "GET /hello?again HTTP/1.0\r\n\r\n",
    );
    expect(stays).toMatch(/Connection: keep-alive\r\n[\s\S]*world![\s\S]*again!/);
  });

  test("a body is asked for when the client waits for that", async () => {
    const socket = dial();
    socket.write(`POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${close}`);
    expect(((await once(socket, "data")) as [Buffer])[0].toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write("ok");
    expect((await bytesOf(socket)).toString()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/);
  });

  test.each([
    ["no request at all", "garbage\r\n\r\n", 400],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["a folded line", "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400],
    ["a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400],
    ["a control character in a value", "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400],
    ["a malformed percent sign", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a NUL in the path", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["two lengths", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400],
    ["a length that is none", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400],
    [
      "a length and chunks",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    ["a chunk size that is none", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400],
    [
      "a chunk that is too long",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
      400,
    ],
    ["another coding", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501],
    ["another expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417],
    ["a body too large", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413],
    ["a chunk too large", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", 413],
    ["a head too large", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["a head without an end", `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(5000)}`, 431],
    ["a version of tomorrow", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
  ])("refuses %s", async (_claim, text, status) => {
    const answer = await raw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
    expect(answer).toContain("Connection: close\r\n");
  });

  test("random garbage never harms the server", async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.log(`http garbage: SEED=${seed}`);
    let state = seed;
    const next = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (state >>> 8) % below;
    };
    const seeds = [
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd",
    ];
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(seeds[next(2)] as string);
      for (let i = next(4); i >= 0; i--) bytes[next(bytes.length)] = next(256);
      const duplex = machine.connect(80);
      duplex.on("error", () => {});
      duplex.end(bytes.subarray(0, 1 + next(bytes.length)));
      await bytesOf(duplex);
    }
    expect((await ask("/hello")).status).toBe(200);
  });
});

describe("bounded memory", () => {
  /** A leak of some hundred bytes a request would fill it in one of these tests. */
  const MEMORY = "16mb";
  let small: Machine;

  beforeAll(async () => {
    small = await boot("http", {
      publish: { 80: 0 },
      memory: MEMORY,
      volumes: { "/srv/www": { host: join(folder, "www"), readOnly: true } },
    });
  });
  afterAll(async () => {
    await small.stop();
  });

  async function get(path: string): Promise<Buffer> {
    const answer = await fetch(`http://127.0.0.1:${small.port(80)}${path}`);
    expect(answer.status).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  }

  function dialSmall(): Socket {
    return connect({ port: small.port(80), host: "127.0.0.1", noDelay: true });
  }

  /** Asks `count` times over one in-process connection, `pipeline` requests at a time. */
  async function hammer(duplex: Duplex, count: number, pipeline: number): Promise<void> {
    const one = "GET /hello?x HTTP/1.1\r\nHost: a\r\nUser-Agent: hammer\r\n\r\n";
    for (let done = 0; done < count; done += pipeline) {
      let missing = pipeline;
      const batch = new Promise<void>((resolve) => {
        const take = (chunk: Buffer): void => {
          missing -= chunk.toString("latin1").split("Hello, x!\n").length - 1;
          if (missing === 0) {
            duplex.off("data", take);
            resolve();
          }
        };
        duplex.on("data", take);
      });
      duplex.write(one.repeat(pipeline));
      await batch;
    }
  }

  async function memoryBytes(): Promise<number> {
    return (JSON.parse((await get("/stats")).toString()) as { memoryBytes: number }).memoryBytes;
  }

  test("over 100,000 requests", { timeout: 60_000 }, async () => {
    const many = (each: number) => Promise.all(Array.from({ length: 20 }, () => hammer(small.connect(80), each, 1)));
    await many(500);
    const before = await memoryBytes();
    await many(5000);
    expect(await memoryBytes()).toBeLessThanOrEqual(before);
  });

  test("over 10,000 connections", { timeout: 60_000 }, async () => {
    const open = async (count: number): Promise<void> => {
      let left = count;
      const some = async (): Promise<void> => {
        while (left-- > 0) {
          const duplex = small.connect(80);
          duplex.end("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
          if (!(await bytesOf(duplex)).toString().endsWith("world!\n")) throw new Error("no answer");
        }
      };
      await Promise.all(Array.from({ length: 50 }, some));
    };
    await open(1000);
    const before = await memoryBytes();
    await open(10_000);
    expect(await memoryBytes()).toBeLessThanOrEqual(before);
  });

  test("with a client that asks for much and reads nothing", async () => {
    const socket = dialSmall();
    socket.pause();
    socket.on("error", () => {});
    for (let i = 0; i < 200; i++) socket.write("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await get("/hello")).toString()).toBe("Hello, world!\n");
    expect(await memoryBytes()).toBeLessThan(8 * 1024 * 1024);
    // It gets what it asked for as soon as it reads: here the first three.
    let received = 0;
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    socket.resume();
    while (received < 3 * big.length) await new Promise((resolve) => setTimeout(resolve, 10));
    socket.destroy();
    expect((await get("/hello")).toString()).toBe("Hello, world!\n");
  });

  test("with clients that leave in the middle of an answer", async () => {
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const socket = dialSmall();
        socket.on("error", () => {});
        socket.write("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
        await once(socket, "data");
        socket.resetAndDestroy();
      }),
    );
    expect((await get("/big.bin")).equals(big)).toBe(true);
  });
});

test("without a folder there is a page that says so", async () => {
  const bare = await boot("http", { publish: { 80: 0 } });
  const answer = await fetch(`http://127.0.0.1:${bare.port(80)}/`);
  expect(await answer.text()).toContain("Mount a folder on /srv/www");
  expect((await fetch(`http://127.0.0.1:${bare.port(80)}/x`)).status).toBe(404);
  await bare.stop();
});
