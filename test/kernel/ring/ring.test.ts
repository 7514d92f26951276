import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  EBADF,
  EBUSY,
  ECONNREFUSED,
  ECONNRESET,
  EEXIST,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  EPIPE,
} from "../../../kernel/abi/errno.ts";
import { AF_INET, SOCK_NONBLOCK, SOCK_STREAM } from "../../../kernel/abi/socket.ts";
import { EventFd } from "../../../kernel/fs/eventfd.ts";
import {
  RING_ACCEPT,
  RING_CONNECTED,
  RING_EOF,
  RING_HANGUP,
  RING_READY,
  RING_RECV,
  RING_SENT,
  RING_SIGNAL,
  RING_TIMER,
} from "../../../kernel/ring/event-queue.ts";
import {
  sys_ring_attach,
  sys_ring_buffers,
  sys_ring_pause,
  sys_ring_send,
  sys_ring_setup,
  sys_ring_timer,
  sys_ring_timer_cancel,
  sys_ring_user,
} from "../../../kernel/syscall/ring.ts";
import { sys_bind, sys_connect, sys_listen, sys_shutdown, sys_socket } from "../../../kernel/syscall/socket.ts";
import { ADDRESS, BUFFER, NetKernel, putAddress, type SeenEvent, tick } from "../net/net-kernel.ts";

const PORT = 6379;
const MEMORY_BYTES = 64 * 65536;
let k: NetKernel;
const clients: Socket[] = [];

beforeEach(async () => {
  k = new NetKernel({ publish: new Map([[PORT, { host: "127.0.0.1", port: 0 }]]) });
  await k.device.bindAll();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  k.stop();
});

function listen(user = 7): number {
  const fd = sys_socket(k, AF_INET, SOCK_STREAM, 0);
  expect(sys_bind(k, fd, ADDRESS, putAddress(k, PORT, [0, 0, 0, 0]))).toBe(0);
  expect(sys_listen(k, fd, 511)).toBe(0);
  expect(sys_ring_attach(k, fd, user)).toBe(0);
  return fd;
}

function client(): Socket {
  const socket = connect({ host: "127.0.0.1", port: k.device.hostPort(PORT) as number, allowHalfOpen: true });
  socket.on("error", () => {});
  clients.push(socket);
  return socket;
}

const of = (kind: number): SeenEvent[] => k.events.filter((event) => event.kind === kind);
const received = (fd: number): Buffer =>
  Buffer.concat(
    of(RING_RECV)
      .filter((event) => event.fd === fd)
      .map(({ bytes }) => bytes),
  );
async function accepted(count = 1): Promise<number> {
  await k.until(() => of(RING_ACCEPT).length >= count, "ACCEPT");
  return (of(RING_ACCEPT)[count - 1] as SeenEvent).result;
}

describe("connections of a ring guest", () => {
  it("accepts, receives into guest memory, sends without copying, ends", async () => {
    k.startRing();
    const listener = listen();
    const socket = client();
    let reply = "";
    socket.on("data", (bytes) => {
      reply += bytes;
    });
    const fd = await accepted();
    expect(of(RING_ACCEPT)[0]).toMatchObject({ fd: listener, user: 7 });
    expect(sys_ring_user(k, fd, 99)).toBe(0);
    socket.write("PING\r\n");
    await k.until(() => received(fd).length === 6, "RECV");
    expect(of(RING_RECV)[0]).toMatchObject({ user: 99, result: 6 });
    expect(received(fd).toString()).toBe("PING\r\n");
    k.mem.u8.set(Buffer.from("+PONG\r\n"), BUFFER);
    expect(sys_ring_send(k, fd, BUFFER, 7, 1234)).toBe(0);
    await k.until(() => of(RING_SENT).length === 1 && reply === "+PONG\r\n", "SENT");
    expect(of(RING_SENT)[0]).toMatchObject({ fd, user: 1234, result: 7 });
    socket.end();
    await k.until(() => of(RING_EOF).length === 1, "EOF");
    expect(sys_shutdown(k, fd, 1)).toBe(0);
    await k.until(() => of(RING_HANGUP).length === 1, "HANGUP");
    expect(of(RING_HANGUP)[0]).toMatchObject({ fd, user: 99, result: 0 });
    expect(k.fds.close(k, fd)).toBe(0);
    expect(k.device.connectionCount).toBe(0);
  });

  it.each([
    ["never ends its side", -1],
    ["has ended its side", 0],
    ["ends its side while they wait", 10],
  ])(
    "receives short messages of more clients than buffers, each with its end behind it, where the guest %s",
    async (_, endsAt) => {
      k.startRing(512, 2);
      listen();
      const sockets = Array.from({ length: 60 }, () => client());
      const fd = await accepted(60);
      expect(fd).toBeGreaterThan(0);
      const fds = of(RING_ACCEPT).map(({ result }) => result);
      const endAll = (): void => {
        for (const one of fds) expect(sys_shutdown(k, one, 1)).toBe(0);
      };
      if (endsAt === 0) endAll();
      let count = 0;
      k.onEvent = ({ kind }) => {
        if (kind === RING_RECV && ++count === endsAt) endAll();
      };
      sockets.forEach((socket, i) => {
        socket.write(`first ${i},`);
        if (i % 2 === 0) socket.end(`second ${i}`);
        else socket.end();
      });
      const ended = (): number => new Set([...of(RING_EOF), ...of(RING_HANGUP)].map((event) => event.fd)).size;
      await k.until(() => ended() === 60, "all ends");
      const texts = fds.map((one) => received(one).toString()).sort();
      expect(texts).toEqual(sockets.map((_, i) => (i % 2 === 0 ? `first ${i},second ${i}` : `first ${i},`)).sort());
    },
  );

  it("receives much through few buffers, in order", async () => {
    k.startRing(512, 2);
    listen();
    const socket = client();
    const fd = await accepted();
    const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) & 0xff));
    socket.write(data);
    let total = 0;
    k.onEvent = (event) => {
      total += event.kind === RING_RECV ? event.result : 0;
    };
    await k.until(() => total === data.length, "all of it");
    expect(received(fd).equals(data)).toBe(true);
  });

  it("pauses: what comes meanwhile waits, within its bound", async () => {
    k.startRing(4096, 4);
    listen();
    const socket = client();
    const fd = await accepted();
    expect(sys_ring_pause(k, fd, 1)).toBe(0);
    const data = Buffer.alloc(3 << 20, "x");
    let left = false;
    socket.write(data, () => {
      left = true;
    });
    for (let i = 0; i < 50; i++) await tick();
    expect(of(RING_RECV).length).toBe(0);
    expect(left || socket.writableLength > 0).toBe(true);
    expect(sys_ring_pause(k, fd, 0)).toBe(0);
    await k.until(() => received(fd).length === data.length, "all of it");
  }, 15000);

  it("gives a reader who is slow everything, in order, and every token back", async () => {
    k.startRing();
    listen();
    const socket = client();
    socket.pause();
    const fd = await accepted();
    const block = 65536;
    for (let i = 0; i < block; i++) k.mem.u8[BUFFER + i] = i % 253;
    const count = 200; // 13 MB: more than the host's kernel takes
    for (let i = 0; i < count; i++) expect(sys_ring_send(k, fd, BUFFER, block, i)).toBe(0);
    for (let i = 0; i < 50; i++) await tick();
    expect(of(RING_SENT).length).toBeLessThan(count);
    let total = 0;
    socket.on("data", (bytes) => {
      for (let i = 0; i < bytes.length; i += 977) {
        if (bytes[i] !== ((total + i) % block) % 253) throw new Error(`byte ${total + i} is wrong`);
      }
      total += bytes.length;
    });
    socket.resume();
    await k.until(() => of(RING_SENT).length === count && total === count * block, "all tokens");
    expect(of(RING_SENT).map(({ user }) => user)).toEqual(Array.from({ length: count }, (_, i) => i));
  }, 15000);

  it("fails what is under way when the peer resets, then hangs up", async () => {
    k.startRing();
    listen();
    const socket = client();
    socket.pause();
    const fd = await accepted();
    for (let i = 0; i < 300; i++) expect(sys_ring_send(k, fd, BUFFER, 65536, i)).toBe(0);
    await tick();
    socket.resetAndDestroy();
    await k.until(() => of(RING_HANGUP).length === 1, "HANGUP");
    expect(of(RING_SENT).length).toBe(300);
    expect(of(RING_HANGUP)[0]).toMatchObject({ fd, result: -ECONNRESET });
    expect(k.events.findLastIndex(({ kind }) => kind === RING_SENT)).toBeLessThan(
      k.events.findIndex(({ kind }) => kind === RING_HANGUP),
    );
    expect(sys_ring_send(k, fd, BUFFER, 1, 1)).toBe(-EPIPE);
  });

  it("tells nothing of a closed descriptor but its tokens", async () => {
    k.startRing();
    listen();
    const socket = client();
    let got = 0;
    socket.on("data", (bytes) => {
      got += bytes.length;
    });
    const fd = await accepted();
    expect(sys_ring_send(k, fd, BUFFER, 100_000, 5)).toBe(0);
    k.fds.close(k, fd);
    socket.write("nobody reads this");
    await k.until(() => of(RING_SENT).length === 1, "SENT");
    await k.until(() => got === 100_000, "what was sent");
    expect(of(RING_RECV).length).toBe(0);
    expect(of(RING_HANGUP).length).toBe(0);
  });

  it("serves 1,000 connections", async () => {
    k.startRing();
    listen();
    k.onEvent = ({ kind, fd, result }) => {
      if (kind === RING_RECV) expect(sys_ring_send(k, fd, BUFFER, result, fd)).toBe(0);
    };
    k.mem.u8.fill(65, BUFFER, BUFFER + 64);
    let answers = 0;
    for (let i = 0; i < 1000; i++) {
      const socket = client();
      socket.on("data", (bytes) => {
        answers += bytes.length;
      });
      socket.write("0123456789");
    }
    await k.until(() => answers === 10_000, "1,000 answers");
    expect(of(RING_ACCEPT).length).toBe(1000);
    for (const socket of clients.splice(0)) socket.destroy();
    await k.until(() => of(RING_HANGUP).length + of(RING_EOF).length >= 1000, "1,000 ends");
  }, 20000);

  it("serves others while 260 readers are slow", async () => {
    k.startRing();
    listen();
    k.onEvent = ({ kind, fd, bytes }) => {
      if (kind !== RING_RECV) return;
      if (bytes.toString() === "much") {
        for (let i = 0; i < 8; i++) expect(sys_ring_send(k, fd, BUFFER, 1 << 20, fd)).toBe(0);
      } else expect(sys_ring_send(k, fd, BUFFER, 5, fd)).toBe(0);
    };
    for (let i = 0; i < 260; i++) {
      const slow = client();
      slow.pause();
      slow.write("much");
    }
    await k.until(() => of(RING_RECV).length === 260, "260 requests");
    for (let i = 0; i < 100; i++) await tick();
    const quick = client();
    let got = 0;
    quick.on("data", (bytes) => {
      got += bytes.length;
    });
    quick.write("little");
    await k.until(() => got === 5, "the quick one's answer");
    expect(of(RING_SENT).length).toBeLessThan(260 * 8);
  }, 20000);

  it("holds who connects before the guest listens", async () => {
    k.startRing();
    const socket = client();
    socket.write("early");
    for (let i = 0; i < 20; i++) await tick();
    listen();
    const fd = await accepted();
    await k.until(() => received(fd).toString() === "early", "early bytes");
  });

  it("connects to the host, and is refused where nobody listens", async () => {
    k.startRing();
    const server = createServer((socket) => socket.end("welcome"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const fd = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(sys_connect(k, fd, ADDRESS, putAddress(k, port))).toBe(-115); // EINPROGRESS
    expect(sys_ring_attach(k, fd, 1)).toBe(0);
    await k.until(() => of(RING_EOF).length === 1, "the host's end");
    expect(of(RING_CONNECTED)[0]).toMatchObject({ fd, result: 0 });
    expect(received(fd).toString()).toBe("welcome");
    await new Promise((resolve) => server.close(resolve) && k.fds.close(k, fd));
    const refused = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sys_connect(k, refused, ADDRESS, putAddress(k, port));
    expect(sys_ring_attach(k, refused, 2)).toBe(0);
    await k.until(() => of(RING_CONNECTED).length === 2, "the refusal");
    expect(of(RING_CONNECTED)[1]).toMatchObject({ fd: refused, result: -ECONNREFUSED });
  });
});

describe("the rest of the ring", () => {
  it("fires timers, tells of readiness and signals", async () => {
    k.startRing();
    const eventfd = new EventFd(0, false, 0);
    const fd = k.fds.open(eventfd);
    expect(sys_ring_attach(k, fd, 50)).toBe(0);
    k.mem.setU32(BUFFER, 1);
    k.mem.setU32(BUFFER + 4, 0);
    await tick();
    k.events.length = 0;
    const late = sys_ring_timer(k, 30, 2);
    sys_ring_timer(k, 5, 1);
    const never = sys_ring_timer(k, 10, 3);
    expect(sys_ring_timer_cancel(k, never)).toBe(0);
    expect(sys_ring_timer_cancel(k, never)).toBeLessThan(0);
    expect(late).toBeGreaterThan(0);
    eventfd.write(k, BUFFER, 8);
    k.ring?.signal(15);
    k.requestTurn();
    await k.until(() => of(RING_TIMER).length === 2, "timers");
    expect(of(RING_TIMER).map(({ user }) => user)).toEqual([1, 2]);
    expect(of(RING_READY)[0]).toMatchObject({ fd, user: 50 });
    expect((of(RING_READY)[0] as SeenEvent).result & 1).toBe(1);
    expect(of(RING_SIGNAL)[0]).toMatchObject({ result: 15 });
  });

  it("answers mistakes with errnos", () => {
    expect(sys_ring_timer(k, 1, 1)).toBe(-EINVAL); // no ring yet
    expect(sys_ring_setup(k, 4096, 0)).toBe(-EINVAL);
    expect(sys_ring_setup(k, 4096, 0x7fffffff)).toBe(-EINVAL);
    expect(sys_ring_setup(k, 4097, 4)).toBe(-EINVAL);
    expect(sys_ring_setup(k, MEMORY_BYTES - 32, 2)).toBe(-EFAULT);
    expect(sys_ring_setup(k, -8, 2)).toBe(-EFAULT);
    expect(sys_ring_setup(k, 4096, 4)).toBe(0);
    expect(sys_ring_setup(k, 4096, 4)).toBe(-EBUSY);
    expect(sys_ring_buffers(k, 0x200000, 0, 4)).toBe(-EINVAL);
    expect(sys_ring_buffers(k, 0x200000, 4096, -1)).toBe(-EINVAL);
    expect(sys_ring_buffers(k, MEMORY_BYTES - 4096, 4096, 2)).toBe(-EFAULT);
    expect(sys_ring_buffers(k, 0x200000, 4096, 4)).toBe(0);
    expect(sys_ring_buffers(k, 0x200000, 4096, 4)).toBe(-EBUSY);
    expect(sys_ring_attach(k, 77, 1)).toBe(-EBADF);
    const fd = listen();
    expect(sys_ring_attach(k, fd, 1)).toBe(-EEXIST);
    expect(sys_ring_send(k, fd, BUFFER, 1, 1)).toBe(-EPIPE);
    expect(sys_ring_send(k, fd, -4, 16, 1)).toBe(-EFAULT);
    expect(sys_ring_send(k, fd, BUFFER, -1, 1)).toBe(-EINVAL);
    expect(sys_ring_send(k, 77, BUFFER, 1, 1)).toBe(-EBADF);
    expect(sys_ring_pause(k, fd, 1)).toBe(-EINVAL);
    const other = k.fds.open(new EventFd(0, false, 0));
    expect(sys_ring_send(k, other, BUFFER, 1, 1)).toBe(-EOPNOTSUPP);
    expect(sys_ring_user(k, other, 1)).toBe(-EINVAL);
    expect(sys_ring_timer(k, Number.NaN, 1)).toBe(-EINVAL);
  });
});
