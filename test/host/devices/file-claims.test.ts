/** Claims on host files: readers together, a writer alone, nothing changes where the answer is no, and a dead process claims nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { FileClaims } from "../../../host/devices/file-claims.ts";
import { FUSE_CLAIM_NONE, FUSE_CLAIM_READ, FUSE_CLAIM_WRITE } from "../../../kernel/fs/fuse/protocol.ts";
import { randomFor } from "../../random.ts";

const [NONE, READ, WRITE] = [FUSE_CLAIM_NONE, FUSE_CLAIM_READ, FUSE_CLAIM_WRITE];
/** A file that no other run of this test claims. */
let ino = BigInt(process.pid) << 20n;
const machines: FileClaims[] = [];

function machine(): FileClaims {
  const claims = new FileClaims();
  machines.push(claims);
  return claims;
}

afterEach(() => {
  for (const claims of machines.splice(0)) claims.close();
  ino++;
});

describe.skipIf(process.platform !== "linux")("claims", () => {
  it("let readers be together and a writer be alone", () => {
    const [a, b, c] = [machine(), machine(), machine()];
    expect([a, b].map((claims) => claims.change(7n, ino, READ))).toEqual([true, true]);
    expect(c.change(7n, ino, WRITE)).toBe(false);
    expect(c.change(7n, ino, READ)).toBe(true); // the refusal has left nothing behind
    expect(a.change(7n, ino, WRITE)).toBe(false);
    expect(b.change(7n, ino, NONE)).toBe(true);
    expect(c.change(7n, ino, NONE)).toBe(true);
    expect(a.change(7n, ino, WRITE)).toBe(true); // a's own claim to read is not in its way
    expect([b, c].map((claims) => claims.change(7n, ino, READ))).toEqual([false, false]);
    expect(a.change(7n, ino, READ)).toBe(true);
    expect(b.change(7n, ino, READ)).toBe(true);
  });

  it("are of a file, by device and number", () => {
    const [a, b] = [machine(), machine()];
    expect(a.change(7n, ino, WRITE)).toBe(true);
    expect(b.change(8n, ino, WRITE)).toBe(true);
    expect(b.change(7n, ino + 1n, WRITE)).toBe(true);
    expect(b.change(7n, ino, READ)).toBe(false);
    ino++;
  });

  it("go with the machine", () => {
    const [a, b] = [machine(), machine()];
    a.change(7n, ino, WRITE);
    a.close();
    expect(b.change(7n, ino, WRITE)).toBe(true);
  });

  it("go with a process that is killed", async () => {
    const source = new URL("../../../host/devices/file-claims.ts", import.meta.url).href;
    const program = `const { FileClaims } = await import(${JSON.stringify(source)});
      console.log(new FileClaims().change(7n, ${ino}n, ${WRITE})); setInterval(() => {}, 1000);`;
    const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    const mine = machine();
    expect(mine.change(7n, ino, READ)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(mine.change(7n, ino, WRITE)).toBe(true);
  });

  it("are bounded", () => {
    const claims = machine();
    for (let file = 0n; file < 1024n; file++) expect(claims.change(9n, ino * 4096n + file, READ)).toBe(true);
    expect(() => claims.change(9n, ino * 4096n + 1024n, READ)).toThrow("errno 37");
    expect(claims.change(9n, ino * 4096n + 1024n, NONE)).toBe(true);
    expect(claims.change(9n, ino * 4096n + 5n, WRITE)).toBe(true); // one it has already
  });

  it("hold against a model in 5,000 random steps", () => {
    const random = randomFor("claims");
    const parties = [machine(), machine(), machine()];
    const model = new Map<FileClaims, number>();
    for (let step = 0; step < 5000; step++) {
      const party = parties[random.below(3)] as FileClaims;
      const claim = [NONE, READ, WRITE][random.below(3)] as number;
      const others = parties.filter((other) => other !== party).map((other) => model.get(other) ?? NONE);
      const allowed = claim === NONE || others.every((other) => other === NONE || (other === READ && claim === READ));
      expect(party.change(7n, ino, claim), `step ${step}`).toBe(allowed);
      if (allowed) model.set(party, claim);
    }
  });
});
