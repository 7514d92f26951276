/** Where the guest listens (-l, -p, -U), what it refuses, and the file that says which ports it has got. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type BootOptions, boot } from "../../../host/index.ts";
import { ByteConnection } from "./byte-connection.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(args: string[], options: Omit<BootOptions, "args"> = {}) {
  const machine = await boot("memcached", { publish: { 11211: 0 }, ...options, args });
  cleanUp.push(() => machine.stop());
  return machine;
}

async function version(port: number): Promise<string> {
  const connection = await ByteConnection.open(port);
  cleanUp.push(() => connection.close());
  connection.write("version\r\n");
  return connection.until("\r\n");
}

describe("-l", () => {
  test.each([
    "127.0.0.1",
    "*",
    "localhost",
    "0.0.0.0",
    "::1",
    "[::1]",
    "10.1",
    "tag[one]:127.0.0.1",
    "proto[ascii]:*",
    "127.0.0.1;::",
  ])("%s is an address", async (list) => {
    const machine = await start(["-l", list]);
    expect(await version(machine.port(11211))).toBe("VERSION 1.6.18");
  });

  test.each([
    ["fooble", "getaddrinfo(): Name or service not known"],
    ["127.0.0.256", "getaddrinfo(): Name or service not known"],
    ["127.0.0.", "getaddrinfo(): Name or service not known"],
    ["1.2.3.4.5", "getaddrinfo(): Name or service not known"],
    [":", 'Invalid port number: ""'],
    ["127.0.0.1:99999", 'Invalid port number: "99999"'],
    ["127.0.0.1:x", 'Invalid port number: "x"'],
    ["[::1", 'Invalid IPV6 address: "[::1"'],
    ["::g", "getaddrinfo(): Name or service not known"],
    ["proto[ascii", 'Invalid protocol spec: "[ascii"'],
    ["proto[proxy]:*", 'Server not built with proxy: "proto[proxy]:*"'],
    ["tag[]:*", 'Listener tags must be between 1 and 8 characters: ""'],
    ["tag[123456789]:*", 'Listener tags must be between 1 and 8 characters: "123456789"'],
    ["127.0.0.1,fooble", "getaddrinfo(): Name or service not known"],
  ])("%s is refused", async (list, complaint) => {
    const failure: unknown = await start(["-l", list]).catch((error) => error);
    expect(String(failure)).toContain("exited with code 71");
    expect(String(failure)).toContain(complaint);
    expect(String(failure)).toContain(`failed to listen on one of interface(s) ${list}`);
  });

  test("with ports: each is listened on, and speaks what its entry says", async () => {
    const machine = await start(
      ["-l", "127.0.0.1:1001,proto[binary]:127.0.0.1:1002", "-l", "[::1]:1003,127.0.0.1:1001"],
      {
        publish: { 1001: 0, 1002: 0, 1003: 0 },
      },
    );
    expect(await version(machine.port(1001))).toBe("VERSION 1.6.18");
    expect(await version(machine.port(1003))).toBe("VERSION 1.6.18");
    const binary = await ByteConnection.open(machine.port(1002));
    cleanUp.push(() => binary.close());
    binary.write("version\r\nversion\r\nversion\r\n");
    expect(await binary.rest()).toBe(""); // no magic: the end
  });
});

describe("MEMCACHED_PORT_FILENAME", () => {
  async function ports(args: string[], publish: Record<number, number> = {}): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "memcached-ports-"));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    const options = { publish, volumes: { "/run": folder }, env: { MEMCACHED_PORT_FILENAME: "/run/ports" } };
    await start(args, options);
    expect(existsSync(join(folder, "ports.lck"))).toBe(false);
    return readFileSync(join(folder, "ports"), "latin1");
  }

  test("says the ports of all sockets", async () => {
    expect(await ports([], { 11211: 0 })).toBe("TCP INET: 11211\n");
    expect(await ports(["-p", "0"])).toBe("");
    expect(await ports(["-p", "1001", "-U", "1002"], { 1001: 0 })).toBe("TCP INET: 1001\nUDP INET: 1002\n");
    expect(await ports(["-l", "*:1001,*:1002", "-U", "1009"], { 1001: 0, 1002: 0 })).toBe(
      "TCP INET: 1001\nTCP INET: 1002\nUDP INET: 1001\n",
    );
  });

  test("and those that it was free to choose", async () => {
    const [, tcp = "", udp = ""] = /^TCP INET: (\d+)\nUDP INET: (\d+)\n$/.exec(await ports(["-U", "-1"])) ?? [];
    for (const port of [tcp, udp].map(Number)) {
      expect(port).toBeGreaterThan(1023);
      expect(port).toBeLessThan(65535);
    }
  });

  test("that cannot be written is complained of, and served without", async () => {
    const machine = await start([], { env: { MEMCACHED_PORT_FILENAME: "/none/ports" } });
    let said = "";
    machine.stderr.on("data", (chunk) => {
      said += chunk;
    });
    expect(await version(machine.port(11211))).toBe("VERSION 1.6.18");
    await expect.poll(() => said).toContain('Failed to write "/none/ports": No such file or directory');
  });
});
