/** memcached's own arguments, as its tests give them, to what the host has to publish. */
import { expect, test } from "vitest";
import { hostNeeds } from "./memcached-arguments.ts";

const of = (line: string) => hostNeeds(line.split(" "));

test("ports: the default, one, both, none, the system's choice", () => {
  expect(of("-u root").ports).toEqual([11211]);
  expect(of("-p 11212 -u root").ports).toEqual([11212]);
  expect(of("-p11212").ports).toEqual([11212]);
  expect(of("--port=11212 --udp-port 11213").ports).toEqual([11212, 11213]);
  expect(of("-U 11222").ports).toEqual([11222]);
  expect(of("-p 11242 -U 0").ports).toEqual([11242]);
  expect(of("-p -1 -U 11252").ports).toEqual([11252]);
  for (const line of ["-p -1", "-U -1"]) expect(of(line).ports).toEqual([]);
  expect(of("-p 0").ports).toEqual([]);
  expect(of("-p nonsense -U 70000").ports).toEqual([]);
});

test("addresses with ports of their own", () => {
  expect(of("-l 127.0.0.1 -p 1").ports).toEqual([1]);
  expect(of("-l notls:127.0.0.1:21,127.0.0.1:22 --listen=127.0.0.1:23 -p 1").ports).toEqual([1, 21, 22, 23]);
});

test("a Unix socket takes the place of the ports", () => {
  expect(of("-o modern -s /tmp/m.sock -U 5")).toEqual({ ports: [], socketPath: "/tmp/m.sock", foreground: null });
  expect(of("--unix-socket=/tmp/m.sock").socketPath).toBe("/tmp/m.sock");
});

test("clusters, values that look like options, and the end of them", () => {
  expect(of("-vvd -P /tmp/pid")).toEqual({ ports: [11211], socketPath: null, foreground: ["-vv", "-P", "/tmp/pid"] });
  expect(of("-d -u root").foreground).toEqual(["-u", "root"]);
  expect(of("--daemon --port 7 -dp 8 -- -d").foreground).toEqual(["--port", "7", "-p", "8", "--", "-d"]);
  expect(of("-vp 7 -B -d").ports).toEqual([7]);
  expect(of("-B -d").foreground).toBe(null);
  expect(of("-- -p 7").ports).toEqual([11211]);
  expect(of("-p").ports).toEqual([]);
  expect(hostNeeds([]).ports).toEqual([11211]);
});

test("nothing is served for help and version", () => {
  for (const line of ["-h", "--help", "-V", "-i -p 5", "-vh"]) expect(of(line).ports).toEqual([]);
});
