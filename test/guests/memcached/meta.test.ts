/** The meta commands: what each request is answered with, by the guest and by Debian's memcached. */
import { describe, expect, test } from "vitest";
import { servers } from "./servers.ts";

const all = await servers();

/** What is said, and the answer; CAS numbers are "c#", ages "l#". Every row begins with an empty cache. */
const rows: [claim: string, requests: string, answer: string][] = [
  [
    "ms and mg",
    "ms a 2\r\nhi\r\nmg a\r\nmg a v\r\nmg a s v k f t\r\nmg b\r\nmg b v\r\nmg b k Oabc\r\n",
    "HD\r\nHD\r\nVA 2\r\nhi\r\nVA 2 s2 ka f0 t-1\r\nhi\r\nEN\r\nEN\r\nEN kb Oabc\r\n",
  ],
  [
    "ms with flags",
    "ms a 2 F7 T100 k Oq1 c\r\nhi\r\nmg a f t s k v O9\r\n",
    "HD ka Oq1 c#\r\nVA 2 f7 t100 s2 ka O9\r\nhi\r\n",
  ],
  ["ms with an old length word", "ms a S2\r\nhi\r\n", "CLIENT_ERROR bad command line format\r\nERROR\r\n"],
  [
    "ms that is wrong",
    "ms a\r\nms\r\nms a x\r\nms a -1\r\nms a 2 F\r\nhi\r\nms a 2 Tx\r\nhi\r\nms a 2 X\r\nhi\r\nms a 2 q q\r\nhi\r\nms a 2 MX\r\nhi\r\nms a 2 MSS\r\nhi\r\nmn\r\n",
    "CLIENT_ERROR bad command line format\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR invalid mode for ms M token\r\nCLIENT_ERROR incorrect length for M token\r\n",
  ],
  [
    "ms with a value that is too long",
    `ms a 3\r\nold\r\nms a 2000000 q\r\n${"x".repeat(2000000)}\r\nmg a v\r\n`,
    "HD\r\nSERVER_ERROR object too large for cache\r\nEN\r\n",
  ],
  ["ms with a value without its end", "ms a 2 q\r\nhixx\r\nmg a\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\nEN\r\n"],
  [
    "ms modes",
    "ms a 1 MR\r\n1\r\nms a 1 ME\r\n2\r\nms a 1 ME\r\n3\r\nms a 1 MA\r\n4\r\nms a 1 MP\r\n5\r\nms a 1 MR\r\n6\r\nmg a v\r\nms b 1 MA\r\n1\r\nms b 1 MP\r\n1\r\nms b 1 MS\r\n9\r\nmg b v\r\n",
    "NS\r\nHD\r\nNS\r\nHD\r\nHD\r\nHD\r\nVA 1\r\n6\r\nNS\r\nNS\r\nHD\r\nVA 1\r\n9\r\n",
  ],
  [
    "quiet ms",
    "ms a 1 q\r\n1\r\nms a 1 ME q\r\n2\r\nms a 1 MR q\r\n3\r\nmg a v q\r\nmg b v q\r\nmg b q k O1\r\nmd b q\r\nmd a q\r\nmn\r\n",
    "NS\r\nVA 1\r\n3\r\nNF\r\n",
  ],
  [
    "ms with C",
    "ms a 1 C5\r\n1\r\nms a 1\r\n1\r\nms a 1 C999999999\r\n2\r\nms a 1 MA C999999999\r\n2\r\nms a 1 ME C1\r\n2\r\nms a 1 C0\r\n2\r\nms a 1 Cx\r\n2\r\n",
    "NF\r\nHD\r\nEX\r\nEX\r\nNS\r\nEX\r\nCLIENT_ERROR bad token in command line format\r\n",
  ],
  [
    "opaque tokens",
    `mg a O${"x".repeat(31)}\r\nmg a O${"x".repeat(32)}\r\nms a 1 O${"x".repeat(32)}\r\n1\r\nms a 1 O${"x".repeat(31)} k\r\n1\r\nmd a O${"x".repeat(32)}\r\nma a O${"x".repeat(32)}\r\nmg a O${"x".repeat(32)} v\r\n`,
    `EN O${"x".repeat(31)}\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR opaque token too long\r\nHD O${"x".repeat(31)} ka\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR opaque token too long\r\nCLIENT_ERROR opaque token too long\r\n`,
  ],
  [
    "the order of the answer's flags is the order of the request's",
    "ms a 1 k O1 c\r\n1\r\nms a 1 c O1 k\r\n1\r\nmg a k s O5 f\r\nmg a f O5 s k\r\n",
    "HD ka O1 c#\r\nHD c# O1 ka\r\nHD ka s1 O5 f0\r\nHD f0 O5 s1 ka\r\n",
  ],
  [
    "keys in base64",
    "ms Zm9v 2 b k\r\nhi\r\nmg foo v k\r\nmg Zm9v b v k\r\nmd Zm9v b k\r\nmg Zm9v b k v\r\nms AAEC 1 b k\r\n1\r\nmg AAEC b k v\r\nme AAEC b\r\nmg Zm8= b k\r\nms /+8= 1 b\r\n1\r\nmg /+8= b k s\r\nmg Zm b\r\nmg Z b v\r\nms Zm 1 b\r\nx\r\nma Zm b\r\nmd Zm b\r\nme Zm b\r\n",
    "HD kZm9v b\r\nVA 2 kZm9v b\r\nhi\r\nVA 2 kZm9v b\r\nhi\r\nHD kZm9v b\r\nEN kZm9v b\r\nHD kAAEC b\r\nVA 1 kAAEC b\r\n1\r\nME AAEC exp=-1 la=# cas=# fetch=yes cls=1 size=63\r\nEN kZm8= b\r\nHD\r\nHD k/+8= b s1\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR invalid or duplicate flag\r\nCLIENT_ERROR bad command line format\r\n",
  ],
  [
    "mg with flags that are wrong",
    `mg\r\nmg a v v\r\nmg a X\r\nmg a Tx\r\nmg a Nx\r\nmg a Rx\r\nmg a F\r\nmg a Mx1\r\nmg a Jx\r\nmg a Dx\r\nmg ${"k".repeat(251)}\r\nmg a a b c d e f g h i j k l m n o p q r s t\r\nmg a \u007f\r\n`,
    "ERROR\r\nCLIENT_ERROR duplicate flag\r\nCLIENT_ERROR invalid flag\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR incorrect length for M token\r\nCLIENT_ERROR invalid numeric initial value\r\nCLIENT_ERROR invalid numeric delta value\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR options flags are too long\r\nCLIENT_ERROR duplicate flag\r\n",
  ],
  [
    "h, l, t",
    "ms a 1\r\n1\r\nmg a h l t\r\nmg a h l t\r\nmg a h t u\r\nms a 1 T0\r\n1\r\nmg a t h\r\n",
    "HD\r\nHD h0 l# t-1\r\nHD h1 l# t-1\r\nHD h1 t-1\r\nHD\r\nHD t-1 h0\r\n",
  ],
  [
    "u does not count as a fetch",
    "ms a 1\r\n1\r\nmg a u v\r\nmg a h u\r\nmg a v\r\nmg a h\r\n",
    "HD\r\nVA 1\r\n1\r\nHD h0\r\nVA 1\r\n1\r\nHD h1\r\n",
  ],
  [
    "T touches",
    "ms a 1\r\n1\r\nmg a T50 t\r\nmg a t\r\nmg a T-1\r\nmg a\r\nmg b T5\r\n",
    "HD\r\nHD t50\r\nHD t50\r\nHD\r\nEN\r\nEN\r\n",
  ],
  [
    "vivify",
    "mg a N30 v t s\r\nmg a N30 v\r\nmg a N30\r\nms a 1\r\n1\r\nmg a N30 v\r\nmg b N0 t v\r\nmg b N0 t v\r\n",
    "VA 0 t30 s0 W\r\n\r\nVA 0 Z\r\n\r\nHD Z\r\nHD\r\nVA 1\r\n1\r\nVA 0 t-1 W\r\n\r\nVA 0 t-1 Z\r\n\r\n",
  ],
  [
    "recache",
    "ms a 1 T100\r\n1\r\nmg a R30\r\nmg a R200 v\r\nmg a R200 v\r\nmg a v\r\nms b 1\r\n1\r\nmg b R30\r\n",
    "HD\r\nHD\r\nVA 1 W\r\n1\r\nVA 1 Z\r\n1\r\nVA 1 Z\r\n1\r\nHD\r\nHD\r\n",
  ],
  [
    "invalidate",
    "ms a 1\r\n1\r\nmd a I T30\r\nmg a v t\r\nmg a v\r\nms a 1\r\n2\r\nmg a v\r\n",
    "HD\r\nHD\r\nVA 1 t30 X W\r\n1\r\nVA 1 Z X\r\n1\r\nHD\r\nVA 1\r\n2\r\n",
  ],
  [
    "stale with C and I",
    "ms a 1\r\n1\r\nmd a I T30\r\nms a 1 I C1\r\n2\r\nmg a v\r\nmg a v\r\nms a 1 C1\r\n3\r\nms a 1\r\n4\r\nmg a\r\n",
    "HD\r\nHD\r\nHD\r\nVA 1 X W\r\n2\r\nVA 1 Z X\r\n2\r\nEX\r\nHD\r\nHD\r\n",
  ],
  [
    "md",
    `md a\r\nms a 1\r\n1\r\nmd a C999999999\r\nmd a q k\r\nmd a k O3\r\nms a 1\r\n1\r\nmd a x\r\nmd\r\nmd ${"k".repeat(251)}\r\nmd a I\r\n`,
    "NF\r\nHD\r\nEX\r\nNF ka O3\r\nHD\r\nCLIENT_ERROR invalid or duplicate flag\r\nERROR\r\nCLIENT_ERROR bad command line format\r\nHD\r\n",
  ],
  [
    "ma",
    `ma a\r\nms a 2\r\n10\r\nma a\r\nma a v\r\nma a D5 v\r\nma a MD v\r\nma a MD D100 v t\r\nma a M+ v\r\nma a M- v\r\nma a MI v k O7\r\nma a MX\r\nma a Dx\r\nma a q\r\nma a q v\r\nma b q\r\nma a C999999999\r\nma\r\nma a N0 J13 v\r\nma ${"k".repeat(251)}\r\n`,
    "NF\r\nHD\r\nHD\r\nVA 2\r\n12\r\nVA 2\r\n17\r\nVA 2\r\n16\r\nVA 1 t-1\r\n0\r\nVA 1\r\n1\r\nVA 1\r\n0\r\nVA 1 ka O7\r\n1\r\nCLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid or duplicate flag\r\nNF\r\nEX\r\nERROR\r\nVA 1\r\n4\r\nCLIENT_ERROR bad command line format\r\n",
  ],
  [
    "ma that makes the item",
    "ma a N90 J13 v t\r\nma a N90 J13 v t\r\nma b N0 J5 D3 q\r\nma b v t\r\nma c N0 J18446744073709551615 v\r\nma c v\r\nma d N0 Jx\r\n",
    "VA 2 t90\r\n13\r\nVA 2 t90\r\n14\r\nHD\r\nVA 1 t-1\r\n6\r\nVA 20\r\n18446744073709551615\r\nVA 1\r\n0\r\nCLIENT_ERROR invalid or duplicate flag\r\n",
  ],
  [
    "ma of what is no number",
    "ms a 1\r\nx\r\nma a\r\nma a q\r\nms b 0\r\n\r\nma b\r\n",
    "HD\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nHD\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
  ],
  ["ma with T", "ms a 1\r\n1\r\nma a T100 t v\r\nmg a t\r\n", "HD\r\nVA 1 t100\r\n2\r\nHD t100\r\n"],
  [
    "me",
    `me a\r\nms a 1 T100\r\n1\r\nme a\r\nmg a\r\nme a\r\nme\r\nme ${"k".repeat(251)}\r\n`,
    "EN\r\nHD\r\nME a exp=-100 la=# cas=# fetch=no cls=1 size=61\r\nHD\r\nME a exp=-100 la=# cas=# fetch=yes cls=1 size=61\r\nCLIENT_ERROR bad command line format\r\nCLIENT_ERROR bad command line format\r\n",
  ],
  [
    "mg with k only, and without flags",
    "ms a 3 F9\r\nabc\r\nmg a\r\nmg a k\r\nmg a s\r\nmg a f\r\nmg a q\r\nmg a k q\r\n",
    "HD\r\nHD\r\nHD ka\r\nHD s3\r\nHD f9\r\nHD\r\nHD ka\r\n",
  ],
];

/** Takes out what differs from run to run. Seconds left may have become fewer: they are rounded up to tens. */
function tidy(answer: string): string {
  const tens = (seconds: string): number => Math.ceil(Number(seconds) / 10) * 10;
  return answer
    .replaceAll(/ c\d+/g, " c#")
    .replaceAll(/cas=\d+/g, "cas=#")
    .replaceAll(/ la=\d+/g, " la=#")
    .replaceAll(/ l\d+/g, " l#")
    .replaceAll(/ t(\d+)/g, (_, seconds: string) => ` t${tens(seconds)}`)
    .replaceAll(/ exp=-(\d\d+)/g, (_, seconds: string) => ` exp=-${tens(seconds)}`);
}

describe.each(all)("$name", (server) => {
  test.each(rows)("%s", async (_claim, requests, answer) => {
    const connection = await server.open();
    expect(await connection.ask("flush_all\r\n")).toBe("OK\r\n");
    expect(tidy(await connection.ask(requests))).toBe(answer);
    connection.close();
  });

  test("the CAS number that ms tells is the item's", async () => {
    const connection = await server.open();
    const stored = /^HD c(\d+)\r\n$/.exec(await connection.ask("ms a 1 c\r\n1\r\n"))?.[1];
    expect(await connection.ask("mg a c\r\n")).toBe(`HD c${stored}\r\n`);
    const changed = /^HD c(\d+)\r\n$/.exec(await connection.ask(`ms a 1 c C${stored}\r\n2\r\n`))?.[1];
    expect(Number(changed)).toBeGreaterThan(Number(stored));
    expect(await connection.ask(`md a C${stored}\r\nma b N0 J5 c\r\nmd a C${changed}\r\n`)).toMatch(
      /^EX\r\nHD c\d+\r\nHD\r\n$/,
    );
    connection.close();
  });

  test("of two that want to recache one wins", async () => {
    const one = await server.open();
    const two = await server.open();
    await one.ask("ms a 3 T100\r\nold\r\nmd a I T30\r\n");
    expect(tidy(await one.ask("mg a v\r\n"))).toBe("VA 3 X W\r\nold\r\n");
    expect(tidy(await two.ask("mg a v\r\n"))).toBe("VA 3 Z X\r\nold\r\n");
    expect(await one.ask("ms a 3\r\nnew\r\n")).toBe("HD\r\n");
    expect(await two.ask("mg a v\r\n")).toBe("VA 3\r\nnew\r\n");
    one.close();
    two.close();
  });
});
