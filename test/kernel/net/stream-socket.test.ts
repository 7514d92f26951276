import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { expect } from "vitest";
import { EAGAIN } from "../../../kernel/abi/errno.ts";
import { O_NONBLOCK } from "../../../kernel/abi/fcntl.ts";
import { AF_INET, AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM } from "../../../kernel/abi/socket.ts";
import type { File } from "../../../kernel/fs/file.ts";
import {
  sys_accept4,
  sys_bind,
  sys_connect,
  sys_listen,
  sys_shutdown,
  sys_socket,
  sys_socketpair,
} from "../../../kernel/syscall/socket.ts";
import { ADDRESS, NetKernel, putAddress, tick } from "./net-kernel.ts";
import { describeStreamSocket, type Far, type Link } from "./stream-socket.contract.ts";

/** Where the far side's bytes go, apart from the near side's buffer. */
const FAR_BUFFER = 0x300000;

/** The far end as another descriptor of the same guest. */
class InsideFar implements Far {
  readonly #k: NetKernel;
  readonly #fd: number;

  constructor(k: NetKernel, fd: number) {
    this.#k = k;
    this.#fd = fd;
    (k.fds.get(fd) as File).flags |= O_NONBLOCK;
  }

  async send(bytes: Buffer): Promise<void> {
    const file = this.#k.fds.get(this.#fd) as File;
    for (let done = 0; done < bytes.length; ) {
      this.#k.mem.u8.set(bytes.subarray(done), FAR_BUFFER);
      const result = file.write(this.#k, FAR_BUFFER, bytes.length - done);
      if (result > 0) done += result;
      else await tick();
    }
  }

  async receive(): Promise<Buffer> {
    const file = this.#k.fds.get(this.#fd) as File;
    for (;;) {
      const result = file.read(this.#k, FAR_BUFFER, 65536);
      if (result >= 0) return Buffer.from(this.#k.mem.u8.slice(FAR_BUFFER, FAR_BUFFER + result));
      expect(result).toBe(-EAGAIN);
      await tick();
    }
  }

  end(): void {
    sys_shutdown(this.#k, this.#fd, 1);
  }

  close(): void {
    this.#k.fds.close(this.#k, this.#fd);
  }
}

/** The far end as a stream of the host. */
class HostFar implements Far {
  readonly #stream: Duplex;
  #ended = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.pause();
    stream.on("end", () => {
      this.#ended = true;
    });
  }

  async send(bytes: Buffer): Promise<void> {
    this.#stream.write(bytes);
  }

  async receive(): Promise<Buffer> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk) return chunk;
      if (this.#ended) return Buffer.alloc(0);
      await tick();
    }
  }

  end(): void {
    this.#stream.end();
  }

  close(): void {
    this.#stream.destroy();
  }
}

describeStreamSocket("loopback TCP", async (): Promise<Link> => {
  const k = new NetKernel();
  const listener = sys_socket(k, AF_INET, SOCK_STREAM, 0);
  expect(sys_bind(k, listener, ADDRESS, putAddress(k, 7000))).toBe(0);
  expect(sys_listen(k, listener, 5)).toBe(0);
  const near = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  expect(sys_connect(k, near, ADDRESS, putAddress(k, 7000))).toBe(0);
  const fd = sys_accept4(k, listener, 0, 0, 0);
  return { kernel: k, near, far: new InsideFar(k, fd), stop: () => k.stop() };
});

describeStreamSocket("an AF_UNIX pair", async (): Promise<Link> => {
  const k = new NetKernel();
  expect(sys_socketpair(k, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ADDRESS)).toBe(0);
  const near = k.mem.getI32(ADDRESS);
  return { kernel: k, near, far: new InsideFar(k, k.mem.getI32(ADDRESS + 4)), stop: () => k.stop() };
});

async function hosted(dial: (k: NetKernel) => Duplex, gathers = false): Promise<Link> {
  const k = new NetKernel({ publish: new Map([[80, { host: "127.0.0.1", port: 0 }]]) });
  if (gathers) k.gather();
  await k.device.bindAll();
  const listener = sys_socket(k, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  expect(sys_bind(k, listener, ADDRESS, putAddress(k, 80))).toBe(0);
  expect(sys_listen(k, listener, 5)).toBe(0);
  const stream = dial(k);
  const far = new HostFar(stream);
  let near = -1;
  await k.until(() => {
    near = sys_accept4(k, listener, 0, 0, SOCK_NONBLOCK);
    return near >= 0;
  }, "a connection");
  return {
    kernel: k,
    near,
    far,
    stop: () => {
      stream.on("error", () => {});
      stream.destroy();
      k.stop();
    },
  };
}

describeStreamSocket("a host socket", () =>
  hosted((k): Socket => connect({ host: "127.0.0.1", port: k.device.hostPort(80) as number, allowHalfOpen: true })),
);

describeStreamSocket("an in-process connection", () => hosted((k) => k.device.connect(80)));

describeStreamSocket("a host socket, short writes gathered", () =>
  hosted(
    (k): Socket => connect({ host: "127.0.0.1", port: k.device.hostPort(80) as number, allowHalfOpen: true }),
    true,
  ),
);
