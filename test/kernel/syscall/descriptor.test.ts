/**
 * dup3(2) and fdatasync(2), with the errors that their man pages give.
 */
import { describe, expect, it } from "vitest";
import { F_GETFD, FD_CLOEXEC, O_CLOEXEC, O_CREAT, O_NONBLOCK, O_PATH, O_RDWR } from "../../../kernel/abi/fcntl.ts";
import { sys_dup3, sys_fcntl } from "../../../kernel/syscall/descriptor.ts";
import { sys_fdatasync } from "../../../kernel/syscall/file.ts";
import { sys_pipe2 } from "../../../kernel/syscall/pipe.ts";
import { Guest, kernelWithVfs, must, said } from "../fs/guest.ts";

const PAIR = 64;

function guestWith(...names: string[]) {
  const kernel = kernelWithVfs();
  const guest = new Guest(kernel);
  const fds = names.map((name) => must(guest.open(`/${name}`, O_RDWR | O_CREAT)));
  return { kernel, guest, fds };
}

describe("dup3", () => {
  it("makes newfd the same open file as oldfd, offset and all, and closes what it was", () => {
    const { kernel, guest, fds } = guestWith("a", "b");
    const [a, b] = fds as [number, number];
    must(guest.write(a, "one "));
    must(guest.write(b, "of b"));
    const wasB = kernel.fds.get(b);
    expect(sys_dup3(kernel, a, b, 0)).toBe(b);
    expect(kernel.fds.get(b)).toBe(kernel.fds.get(a));
    expect(wasB?.refs).toBe(0);
    must(guest.write(b, "two"));
    expect(guest.pread(a, 100, 0)).toBe("one two");
    expect(guest.close(a)).toBe(0);
    expect(guest.pread(b, 100, 0)).toBe("one two"); // lives as long as one descriptor does
  });

  it("takes a newfd that is not open, and sets FD_CLOEXEC on it alone", () => {
    const { kernel, fds } = guestWith("a");
    const [a] = fds as [number];
    expect(sys_dup3(kernel, a, 40, O_CLOEXEC)).toBe(40);
    expect(sys_fcntl(kernel, 40, F_GETFD, 0)).toBe(FD_CLOEXEC);
    expect(sys_fcntl(kernel, a, F_GETFD, 0)).toBe(0);
    expect(sys_dup3(kernel, a, 40, 0)).toBe(40); // the flag is the new descriptor's
    expect(sys_fcntl(kernel, 40, F_GETFD, 0)).toBe(0);
  });

  it("answers EINVAL for the same descriptor twice and for other flags, EBADF for what is no descriptor", () => {
    const { kernel, fds } = guestWith("a", "b");
    const [a, b] = fds as [number, number];
    const before = kernel.fds.get(b);
    expect(said(sys_dup3(kernel, a, a, 0))).toBe("EINVAL");
    expect(said(sys_dup3(kernel, a, b, O_NONBLOCK))).toBe("EINVAL");
    expect(said(sys_dup3(kernel, 99, b, 0))).toBe("EBADF");
    expect(said(sys_dup3(kernel, a, -1, 0))).toBe("EBADF");
    expect(said(sys_dup3(kernel, a, 1 << 30, 0))).toBe("EBADF");
    expect(kernel.fds.get(b)).toBe(before); // a call that fails closes nothing
  });
});

describe("fdatasync", () => {
  it("asks the file for its data only, and passes its answer on", () => {
    const { kernel, fds } = guestWith("a");
    const [a] = fds as [number];
    expect(sys_fdatasync(kernel, a)).toBe(0);
    const asked: boolean[] = [];
    const durable = { sync: (_k: unknown, dataOnly: boolean) => asked.push(dataOnly) - 6 };
    Object.defineProperty(kernel.fds.get(a), "durable", { value: durable });
    expect(said(sys_fdatasync(kernel, a))).toBe("EIO");
    expect(asked).toEqual([true]);
  });

  it("answers EINVAL for what cannot be synchronised, EBADF for no descriptor and for O_PATH", () => {
    const { kernel, guest } = guestWith("a");
    must(sys_pipe2(kernel, PAIR, 0));
    const pipe = kernel.mem.i32[PAIR / 4] as number;
    expect(said(sys_fdatasync(kernel, pipe))).toBe("EINVAL");
    expect(said(sys_fdatasync(kernel, 99))).toBe("EBADF");
    expect(said(sys_fdatasync(kernel, must(guest.open("/a", O_PATH))))).toBe("EBADF");
  });
});
