/**
 * Random scripts of pipe, eventfd, epoll, poll, dup and close calls, run by this kernel and by Linux itself: every result and every reported event
 * must be the same. Needs Linux and a C compiler; without them it is skipped. (SCRIPTS=3000 for a longer run.)
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EBADF } from "../../../kernel/abi/errno.ts";
import { O_NONBLOCK } from "../../../kernel/abi/fcntl.ts";
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, POLLIN, POLLOUT, POLLRDHUP } from "../../../kernel/abi/poll.ts";
import { sys_epoll_create1, sys_epoll_ctl, sys_epoll_wait } from "../../../kernel/syscall/epoll.ts";
import { sys_eventfd2 } from "../../../kernel/syscall/eventfd.ts";
import { sys_pipe2 } from "../../../kernel/syscall/pipe.ts";
import { sys_poll } from "../../../kernel/syscall/poll.ts";
import { type Random, randomFor } from "../../random.ts";
import { TestKernel } from "../fixture.ts";

const SCRIPTS = Number(process.env.SCRIPTS ?? 60);
const hasCompiler = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

type Step = [call: string, a: number, b: number, c: number, d: number];

/** Descriptors 0 to 2 are taken; the script makes 3/4 and 5/6 pipes, 7 and 8 eventfds, 9 and 10 epolls, and later ones now and then. */
function randomScript(random: Random): Step[] {
  const script: Step[] = [];
  const add = (call: string, a = 0, b = 0, c = 0, d = 0): void => void script.push([call, a, b, c, d]);
  let data = 1;
  const anyFd = () => 3 + random.below(12);
  const epollFd = () => (random.oneIn(12) ? anyFd() : 9 + random.below(2));
  const events = () => {
    let bits: number = random.pick([POLLIN, POLLOUT, POLLIN | POLLOUT, 0, POLLRDHUP | POLLIN]);
    if (random.oneIn(2)) bits |= EPOLLET;
    if (random.oneIn(4)) bits |= EPOLLONESHOT;
    if (random.oneIn(15)) bits |= EPOLLEXCLUSIVE;
    return bits >>> 0;
  };
  for (const call of ["pipe", "pipe", "eventfd"]) add(call);
  add("eventfd", 1, 1);
  for (const call of ["epoll", "epoll"]) add(call);
  for (let i = 0; i < 300; i++) {
    switch (random.below(8)) {
      case 0:
        add("add", epollFd(), anyFd(), events(), data++);
        break;
      case 1:
        add("mod", epollFd(), anyFd(), events(), data++);
        break;
      case 2:
        // Writes stay small: how much fits is counted in pages there, in bytes here.
        for (let n = 0; n < 2; n++)
          add("write", random.oneIn(8) ? anyFd() : random.pick([4, 6, 7, 8]), random.below(3));
        break;
      case 3:
        add("read", random.oneIn(8) ? anyFd() : random.pick([3, 5, 7, 8]), random.pick([8, 8, 8, 4, 65536]));
        break;
      case 4:
        add("poll", anyFd(), random.pick([POLLIN, POLLOUT, POLLIN | POLLOUT, 0]));
        break;
      case 5:
        if (random.oneIn(8)) add(random.pick(["pipe", "epoll", "eventfd"]));
        else if (random.oneIn(4)) add(random.pick(["close", "dup"]), anyFd());
        else if (random.oneIn(3)) add("del", epollFd(), anyFd());
        break;
      default:
        add("wait", epollFd());
    }
    if (random.oneIn(3)) add("wait", 9 + random.below(2));
  }
  return script;
}

function runHere(script: readonly Step[]): string[] {
  const k = new TestKernel();
  const t = k.thread(false);
  for (let fd = 0; fd < 3; fd++) sys_eventfd2(k, 0, 0);
  const run = ([call, a, b, c, d]: Step): number => {
    switch (call) {
      case "pipe": {
        const result = sys_pipe2(k, 16, O_NONBLOCK);
        return result === 0 ? k.mem.getI32(16) * 1000 + k.mem.getI32(20) : result;
      }
      case "eventfd":
        return sys_eventfd2(k, a, O_NONBLOCK | b);
      case "epoll":
        return sys_epoll_create1(k, 0);
      case "add":
      case "mod":
      case "del":
        k.mem.setU32(64, c);
        k.mem.setI64(68, d);
        return sys_epoll_ctl(k, a, { add: 1, del: 2, mod: 3 }[call], b, 64);
      case "write":
        k.mem.setI64(4096, b);
        return k.fds.get(a)?.write(k, 4096, 8) ?? -EBADF;
      case "read":
        return k.fds.get(a)?.read(k, 4096, b) ?? -EBADF;
      case "wait":
        return sys_epoll_wait(k, a, 4096, 64, 0);
      case "close":
        return k.fds.close(k, a);
      case "dup":
        return k.fds.dup(a);
      default: {
        k.mem.setU32(32, a);
        k.mem.setU16(36, b);
        const result = sys_poll(k, 32, 1, 0);
        return result >= 0 ? k.mem.getU16(38) : result;
      }
    }
  };
  return script.map((step) => {
    const result = t.call(() => run(step));
    if (step[0] !== "wait" || result < 0) return `${step[0]} ${result}`;
    const reported = [...Array(result).keys()].map((i) => 4096 + 12 * i);
    reported.sort((x, y) => k.mem.getI64(x + 4) - k.mem.getI64(y + 4));
    return ["wait", ...reported.map((at) => `${k.mem.getI64(at + 4)}/${k.mem.getU32(at).toString(16)}`)].join(" ");
  });
}

if (!hasCompiler)
  console.log("readiness against Linux: no C compiler; apt-get install gcc libc6-dev enables this test");
describe.skipIf(!hasCompiler)("readiness, compared with Linux", () => {
  it("agrees on every result of random scripts", () => {
    const random = randomFor("readiness");
    const folder = mkdtempSync(join(tmpdir(), "readiness-"));
    try {
      const native = join(folder, "native");
      execFileSync("cc", ["-O1", "-o", native, new URL("readiness-native.c", import.meta.url).pathname]);
      for (let i = 0; i < SCRIPTS; i++) {
        const script = randomScript(random);
        const input = script.map((step) => step.join(" ")).join("\n");
        const there = execFileSync(native, { input, encoding: "utf8" }).trim().split("\n");
        const here = runHere(script);
        const at = script.findIndex((_, step) => here[step] !== there[step]);
        if (at < 0) continue;
        const story = script.slice(0, at + 1).map((step, n) => `${step.join(" ")} -> ${there[n]}`);
        expect.fail(`script ${i}, step ${at}: Linux says "${there[at]}", we say "${here[at]}"\n${story.join("\n")}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
