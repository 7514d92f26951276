/**
 * What every stream socket must do, whatever its link: inside the machine over TCP, AF_UNIX, or through the network device to a
 * socket of the host. `near` is a non-blocking descriptor of the guest, `Far` is the other end.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EAGAIN, EINVAL, EISCONN, EPIPE } from "../../../kernel/abi/errno.ts";
import { POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../../kernel/abi/poll.ts";
import { MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL } from "../../../kernel/abi/socket.ts";
import type { File } from "../../../kernel/fs/file.ts";
import { sys_getsockopt, sys_listen, sys_recvfrom, sys_sendto, sys_shutdown } from "../../../kernel/syscall/socket.ts";
import { ADDRESS, BUFFER, LENGTH, type NetKernel } from "./net-kernel.ts";

export interface Far {
  send(bytes: Buffer): Promise<void>;
  /** At least one byte, or an empty buffer at the end of the stream. */
  receive(): Promise<Buffer>;
  end(): void;
  close(): void;
}

export interface Link {
  readonly kernel: NetKernel;
  readonly near: number;
  readonly far: Far;
  stop(): void;
}

export function describeStreamSocket(name: string, connect: () => Promise<Link>): void {
  describe(`stream socket over ${name}`, () => {
    let link: Link;
    let k: NetKernel;
    let near: number;
    let far: Far;
    beforeEach(async () => {
      link = await connect();
      ({ kernel: k, near, far } = link);
    });
    afterEach(() => link.stop());

    const file = (): File => k.fds.get(near) as File;
    const put = (text: string | Buffer): number => {
      const bytes = Buffer.from(text as string);
      k.mem.u8.set(bytes, BUFFER);
      return bytes.length;
    };
    const got = (length: number): string => Buffer.from(k.mem.u8.subarray(BUFFER, BUFFER + length)).toString();
    const send = (text: string): number => sys_sendto(k, near, BUFFER, put(text), 0, 0, 0);
    const receive = (count: number, flags = 0): number => sys_recvfrom(k, near, BUFFER, count, flags, 0, 0);
    const readable = (): Promise<void> => k.until(() => (file().poll(k) & POLLIN) !== 0, "POLLIN");

    it("carries bytes both ways", async () => {
      expect(receive(10)).toBe(-EAGAIN);
      expect(file().poll(k) & (POLLIN | POLLOUT)).toBe(POLLOUT);
      expect(send("hello")).toBe(5);
      expect((await far.receive()).toString()).toBe("hello");
      await far.send(Buffer.from("world"));
      await readable();
      expect(receive(3)).toBe(3);
      expect(got(3)).toBe("wor");
      expect(receive(10)).toBe(2);
      expect(got(2)).toBe("ld");
      expect(receive(10)).toBe(-EAGAIN);
    });

    it("parks a blocking read until bytes come", async () => {
      file().flags = 2;
      const result = k.wait(() => file().read(k, BUFFER, 10));
      await far.send(Buffer.from("late"));
      expect(await result).toBe(4);
      expect(got(4)).toBe("late");
    });

    it("peeks, waits for all, does not wait", async () => {
      await far.send(Buffer.from("abc"));
      await readable();
      expect(receive(2, MSG_PEEK)).toBe(2);
      expect(receive(10, MSG_PEEK)).toBe(3);
      file().flags = 2;
      const all = k.wait(() => receive(6, MSG_WAITALL));
      await far.send(Buffer.from("defg"));
      expect(await all).toBe(6);
      expect(got(6)).toBe("abcdef");
      expect(receive(10, MSG_DONTWAIT)).toBe(1);
      expect(receive(10, MSG_DONTWAIT)).toBe(-EAGAIN);
    });

    it("sees the peer's end and can still send", async () => {
      await far.send(Buffer.from("last"));
      far.end();
      await k.until(() => (file().poll(k) & POLLRDHUP) !== 0, "POLLRDHUP");
      expect(receive(10)).toBe(4);
      expect(receive(10)).toBe(0);
      expect(receive(10)).toBe(0);
      expect(file().poll(k) & POLLHUP).toBe(0);
      expect(send("answer")).toBe(6);
      expect((await far.receive()).toString()).toBe("answer");
    });

    it("ends its own side and still receives", async () => {
      expect(send("bye")).toBe(3);
      expect(sys_shutdown(k, near, 1)).toBe(0);
      expect(send("more")).toBe(-EPIPE);
      expect((await far.receive()).toString()).toBe("bye");
      expect((await far.receive()).length).toBe(0);
      await far.send(Buffer.from("after"));
      await readable();
      expect(receive(10)).toBe(5);
      far.end();
      await k.until(() => (file().poll(k) & POLLHUP) !== 0, "POLLHUP");
      expect(receive(10)).toBe(0);
    });

    it("bounds what a slow reader costs and loses nothing", async () => {
      const block = Buffer.alloc(65536);
      let sent = 0;
      const limit = 64 << 20;
      const fill = async (): Promise<void> => {
        for (let idle = 0; idle < 50 && sent < limit; ) {
          for (let i = 0; i < block.length; i += 4) block.writeUInt32LE((sent + i) >>> 0, i);
          k.mem.u8.set(block, BUFFER);
          const result = sys_sendto(k, near, BUFFER, block.length, 0, 0, 0);
          if (result > 0 && result % 4 === 0) {
            sent += result;
            idle = 0;
          } else {
            expect(result).toBe(-EAGAIN);
            idle++;
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        }
      };
      await fill();
      expect(sent).toBeLessThan(limit); // host kernels buffer a few MiB; beyond that the guest must wait
      expect(file().poll(k) & POLLOUT).toBe(0);
      let received = 0;
      let rest = Buffer.alloc(0);
      while (received + rest.length < sent) {
        rest = Buffer.concat([rest, await far.receive()]);
        const whole = rest.length & ~3;
        for (let i = 0; i < whole; i += 4) {
          if (rest.readUInt32LE(i) !== received + i) throw new Error(`byte ${received + i} is wrong`);
        }
        received += whole;
        rest = rest.subarray(whole);
      }
      await k.until(() => (file().poll(k) & POLLOUT) !== 0, "POLLOUT");
      expect(received).toBe(sent);
    }, 20000);

    it("writes a long block to its end when it may park", async () => {
      file().flags = 2;
      const total = 900_000;
      for (let i = 0; i < total; i++) k.mem.u8[BUFFER + i] = i % 251;
      const written = k.wait(() => file().write(k, BUFFER, total));
      let received = 0;
      while (received < total) {
        const bytes = await far.receive();
        for (let i = 0; i < bytes.length; i++) {
          if (bytes[i] !== (received + i) % 251) throw new Error(`byte ${received + i} is wrong`);
        }
        received += bytes.length;
      }
      expect(await written).toBe(total);
    });

    it("answers with the errors of a connected socket", async () => {
      expect(sys_listen(k, near, 1)).toBe(-EINVAL);
      expect(sys_shutdown(k, near, 3)).toBe(-EINVAL);
      k.mem.setU32(LENGTH, 4);
      expect(sys_getsockopt(k, near, 1, 3, ADDRESS, LENGTH)).toBe(0); // SO_TYPE
      expect(k.mem.getU32(ADDRESS)).toBe(1);
      expect(k.mem.getU32(LENGTH)).toBe(4);
      expect(sys_getsockopt(k, near, 1, 4, ADDRESS, LENGTH)).toBe(0); // SO_ERROR
      expect(k.mem.getU32(ADDRESS)).toBe(0);
      expect(EISCONN).toBe(106);
    });

    it("tells who writes to a closed peer", async () => {
      far.close();
      await k.until(() => (file().poll(k) & POLLRDHUP) !== 0, "the end");
      expect(receive(1)).toBeLessThanOrEqual(0);
      let result = 0;
      await k.until(() => {
        result = send("x");
        return result < 0;
      }, "an error");
      expect([-EPIPE, -104]).toContain(result);
      expect(send("x")).toBe(-EPIPE);
    });

    it("delivers what was sent before it was closed", async () => {
      expect(send("farewell")).toBe(8);
      k.fds.close(k, near);
      expect((await far.receive()).toString()).toBe("farewell");
      expect((await far.receive()).length).toBe(0);
    });
  });
}
