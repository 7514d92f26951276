import { describe, expect, test } from "vitest";
import { decodeSlot, encodeSlot, KnownHosts, slotPort } from "../../../host/devices/host-address.ts";

describe("hosts that datagrams come from and go to", () => {
  const hosts = ["127.0.0.1", "0.0.0.0", "255.255.255.255", "192.168.1.20", "::1", "fe80::1", "2001:db8:1:2:3:4:5:6"];

  test("a known host has the slot that it would get by itself, with port 0", () => {
    const known = new KnownHosts();
    for (const host of [...hosts, ...hosts, "::ffff:10.0.0.1"]) expect(known.slot(host)).toEqual(encodeSlot(host, 0));
  });

  test("the host of a slot is the one that went in, wherever the slot lies", () => {
    const known = new KnownHosts();
    const bytes = new Uint8Array(100);
    for (const host of [...hosts, ...hosts]) {
      for (const at of [0, 13, 72]) {
        const slot = encodeSlot(host, 4711);
        bytes.set(slot, at);
        expect(known.host(bytes, at)).toBe(decodeSlot(slot)?.host);
        expect(slotPort(bytes, at)).toBe(4711);
      }
    }
  });

  test("a slot without a port, of another family, or of bytes that mean nothing has no host", () => {
    const known = new KnownHosts();
    expect(known.host(encodeSlot("127.0.0.1", 0), 0)).toBeNull();
    expect(known.host(encodeSlot("::1", 0), 0)).toBeNull();
    expect(known.host(Uint8Array.of(1, 0, 47, 0, ...new Array<number>(24).fill(65)), 0)).toBeNull();
    expect(known.host(new Uint8Array(28).fill(0xff), 0)).toBeNull();
    expect(known.host(new Uint8Array(28), 0)).toBeNull();
  });

  test("more hosts than are kept are still told right", () => {
    const known = new KnownHosts();
    for (let i = 0; i < 5000; i++) {
      const host = `10.${i >>> 8}.${i & 255}.7`;
      const slot = encodeSlot(host, 1);
      expect(known.host(slot, 0)).toBe(host);
      expect(known.slot(host)).toEqual(encodeSlot(host, 0));
    }
  });
});
