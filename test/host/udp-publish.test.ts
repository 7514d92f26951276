/**
 * A guest that serves UDP only: `publish` waits for its bind(2) and tells the port, and its datagrams pass.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, it } from "vitest";
import { loadUdpBatches } from "../../host/devices/udp-batch.ts";
import { boot } from "../../host/index.ts";
import { F64, I32, WasmWriter } from "../../kernel/shim/wasm-writer.ts";

const PORT = 9;
const SOCKADDR = 2048;
const BUFFER = 4096;

/** `_start`: s = socket(AF_INET, SOCK_DGRAM, 0); bind(s, 0.0.0.0:9); ring_setup; ring_attach(s). ring_dispatch: echo one datagram. */
function udpEcho(): Uint8Array<ArrayBuffer> {
  const types = new WasmWriter().u32(4);
  types.byte(0x60, 3, I32, I32, I32, 1, I32); // 0: socket, bind
  types.byte(0x60, 2, I32, I32, 1, I32); // 1: ring_setup, ring_attach
  types.byte(0x60, 6, I32, I32, I32, I32, I32, I32, 1, I32); // 2: recvfrom, sendto
  types.byte(0x60, 0, 0); // 3: _start
  const withDispatch = new WasmWriter().u32(5);
  withDispatch.bytes.push(...types.bytes.slice(1), 0x60, 3, I32, F64, F64, 0); // 4: ring_dispatch
  const imports = new WasmWriter().u32(6);
  for (const [name, type] of [
    ["socket", 0],
    ["bind", 0],
    ["ring_setup", 1],
    ["ring_attach", 1],
    ["recvfrom", 2],
    ["sendto", 2],
  ] as const) {
    imports.name("ringzero").name(name).byte(0).u32(type);
  }
  const i32 = (out: WasmWriter, ...values: number[]): WasmWriter => {
    for (const value of values) out.byte(0x41).s32(value);
    return out;
  };
  const start = new WasmWriter().u32(0);
  i32(start, 2, 2, 0).byte(0x10, 0, 0x24, 0); // global 0 = socket(...)
  start.byte(0x23, 0);
  i32(start, SOCKADDR, 16).byte(0x10, 1, 0x1a); // bind
  i32(start, 1024, 16).byte(0x10, 2, 0x1a); // ring_setup
  start.byte(0x23, 0);
  i32(start, 0).byte(0x10, 3, 0x1a, 0x0b); // ring_attach
  const dispatch = new WasmWriter().u32(1).u32(1).byte(I32);
  // n = recvfrom(s, BUFFER, 1024, MSG_DONTWAIT, 3072, 3200); if (n > 0) sendto(s, BUFFER, n, 0, 3072, 16)
  i32(dispatch, 3200, 16).byte(0x36, 2, 0); // *3200 = 16
  dispatch.byte(0x23, 0);
  i32(dispatch, BUFFER, 1024, 0x40, 3072, 3200).byte(0x10, 4, 0x22).u32(3);
  i32(dispatch, 0).byte(0x4a, 0x04, 0x40, 0x23, 0);
  i32(dispatch, BUFFER).byte(0x20).u32(3);
  i32(dispatch, 0, 3072, 16).byte(0x10, 5, 0x1a, 0x0b, 0x0b);
  const data = new WasmWriter().u32(1).byte(0, 0x41).s32(SOCKADDR).byte(0x0b).u32(16);
  data.byte(2, 0, PORT >>> 8, PORT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const exports = new WasmWriter()
    .u32(3)
    .name("_start")
    .byte(0)
    .u32(6)
    .name("ring_dispatch")
    .byte(0)
    .u32(7)
    .name("memory")
    .byte(2, 0);
  return new WasmWriter()
    .byte(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    .section(1, withDispatch)
    .section(2, imports)
    .section(3, new WasmWriter().u32(2).u32(3).u32(4))
    .section(5, new WasmWriter().u32(1).byte(0).u32(1))
    .section(6, new WasmWriter().u32(1).byte(I32, 1, 0x41).s32(-1).byte(0x0b))
    .section(7, exports)
    .section(10, new WasmWriter().u32(2).sized(start).sized(dispatch))
    .section(11, data)
    .toUint8Array();
}

const ways = typeof loadUdpBatches() === "string" ? (["dgram"] as const) : (["dgram", "ffi"] as const);

it.each(ways)("publishes a UDP port by %s: ready after bind, the port is told, datagrams come back", async (udp) => {
  const machine = await boot(udpEcho(), { publish: { [PORT]: 0 }, udp });
  const client = createSocket("udp4");
  client.bind(0, "127.0.0.1");
  await once(client, "listening");
  client.send("ping over udp", machine.port(PORT), "127.0.0.1");
  const [message] = await once(client, "message");
  expect(String(message)).toBe("ping over udp");
  client.close();
  await machine.stop({ timeoutMs: 0 });
});
