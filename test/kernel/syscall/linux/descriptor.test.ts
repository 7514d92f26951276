/**
 * Calls on descriptors: dup2(2), close_range(2), fcntl(2) and ioctl(2), the console as a terminal.
 */
import { describe, expect, it } from "vitest";
import {
  F_GETFD,
  F_GETFL,
  F_GETOWN,
  F_GETOWN_EX,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_SETFL,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  F_SETSIG,
  O_ASYNC,
  O_CREAT,
  O_NONBLOCK,
  O_RDWR,
} from "../../../../kernel/abi/fcntl.ts";
import {
  FIOASYNC,
  FIONBIO,
  FIONREAD,
  TCGETS,
  TCSETS,
  TIOCGPGRP,
  TIOCGWINSZ,
  TIOCSCTTY,
  TIOCSPGRP,
  TIOCSWINSZ,
} from "../../../../kernel/abi/ioctl.ts";
import { BUFFER, LinuxMachine } from "../../process/linux-fixture.ts";

function machine() {
  const m = new LinuxMachine();
  m.must("pipe2", BUFFER, 0);
  const { mem } = m.process;
  return { m, mem, readFd: mem.getU32(BUFFER), writeFd: mem.getU32(BUFFER + 4) };
}

describe("descriptors", () => {
  it("dup2: the same one is no change, another one is closed first", () => {
    const { m, readFd, writeFd } = machine();
    expect(m.call("dup2", readFd, readFd)).toBe(readFd);
    expect(m.call("dup2", 99, 99)).toBe("EBADF");
    expect(m.call("dup2", 99, readFd)).toBe("EBADF");
    expect(m.call("dup2", readFd, -1)).toBe("EBADF");
    expect(m.call("dup2", writeFd, 50)).toBe(50);
    m.must("close", writeFd);
    expect(m.call("write", 50, BUFFER, 1)).toBe(1); // the pipe has a writer still
    expect(m.call("close", writeFd)).toBe("EBADF");
  });

  it("close_range closes, or marks, what is open of a range", () => {
    const { m, readFd, writeFd } = machine();
    m.must("dup2", readFd, 40);
    expect(m.call("close_range", writeFd, -1, 4)).toBe(0);
    expect(m.call("fcntl", readFd, F_GETFD, 0)).toBe(0);
    expect(m.call("fcntl", writeFd, F_GETFD, 0)).toBe(1);
    expect(m.call("close_range", writeFd, 40, 0)).toBe(0);
    expect(m.call("fcntl", 40, F_GETFD, 0)).toBe("EBADF");
    expect(m.call("fcntl", readFd, F_GETFD, 0)).toBe(0);
    expect(m.call("close_range", 5, 4, 0)).toBe("EINVAL");
    expect(m.call("close_range", 0, 4, 8)).toBe("EINVAL");
  });

  it("pipe: a null pointer is refused, and leaves nothing open", () => {
    const m = new LinuxMachine();
    expect(m.call("pipe", 0)).toBe("EFAULT");
    expect(m.call("pipe2", BUFFER, 0x40000)).toBe("EINVAL");
    expect(m.process.fds.count).toBe(3);
    expect(m.call("pipe", BUFFER)).toBe(0);
  });

  it("owners and signals are kept with the description", () => {
    const { m, mem, readFd } = machine();
    const copy = m.must("dup", readFd);
    expect(m.call("fcntl", readFd, F_GETOWN, 0)).toBe(0);
    expect(m.call("fcntl", readFd, F_SETOWN, 77)).toBe(0);
    expect(m.call("fcntl", copy, F_GETOWN, 0)).toBe(77);
    expect(m.call("fcntl", copy, F_SETOWN, -78)).toBe(0);
    expect(m.call("fcntl", readFd, F_GETOWN_EX, BUFFER)).toBe(0);
    expect([mem.getU32(BUFFER), mem.getU32(BUFFER + 4)]).toEqual([2, 78]);
    mem.setU32(BUFFER, 3);
    expect(m.call("fcntl", readFd, F_SETOWN_EX, BUFFER)).toBe("EINVAL");
    mem.setU32(BUFFER, 0);
    expect(m.call("fcntl", readFd, F_SETOWN_EX, BUFFER)).toBe(0);
    expect(m.call("fcntl", readFd, F_SETOWN_EX, -4)).toBe("EFAULT");
    expect(m.call("fcntl", readFd, F_SETSIG, 34)).toBe(0);
    expect(m.call("fcntl", copy, F_GETSIG, 0)).toBe(34);
    expect(m.call("fcntl", copy, F_SETSIG, 65)).toBe("EINVAL");
    expect(m.call("fcntl", 99, F_GETOWN, 0)).toBe("EBADF");
    expect(m.call("fcntl", readFd, 1024, 0)).toBe("EINVAL"); // F_SETLEASE
  });

  it("status flags: O_ASYNC and O_NONBLOCK by fcntl and by ioctl", () => {
    const { m, mem, readFd } = machine();
    expect(m.call("fcntl", readFd, F_SETFL, O_ASYNC | O_NONBLOCK)).toBe(0);
    expect(m.call("fcntl", readFd, F_GETFL, 0)).toBe(O_ASYNC | O_NONBLOCK);
    mem.setU32(BUFFER, 0);
    expect(m.call("ioctl", readFd, FIOASYNC, BUFFER)).toBe(0);
    expect(m.call("ioctl", readFd, FIONBIO, BUFFER)).toBe(0);
    expect(m.call("fcntl", readFd, F_GETFL, 0)).toBe(0);
    mem.setU32(BUFFER, 1);
    expect(m.call("ioctl", readFd, FIOASYNC, BUFFER)).toBe(0);
    expect(m.call("fcntl", readFd, F_GETFL, 0)).toBe(O_ASYNC);
    expect(m.call("ioctl", readFd, FIOASYNC, 0)).toBe("EFAULT");
    expect(m.call("ioctl", 99, FIOASYNC, BUFFER)).toBe("EBADF");
    expect(m.call("fcntl", readFd, F_GETPIPE_SZ, 0)).toBe(65536);
    expect(m.call("fcntl", readFd, F_SETPIPE_SZ, 100_000)).toBe(131072);
    expect(m.call("fcntl", m.must("open", "/f", O_RDWR | O_CREAT, 0o644), F_GETPIPE_SZ, 0)).toBe("EBADF");
  });
});

describe("the console as a terminal", () => {
  it("is none where the host has none", () => {
    const m = new LinuxMachine();
    for (const request of [TCGETS, TCSETS, TIOCGWINSZ, TIOCGPGRP, TIOCSCTTY])
      expect(m.call("ioctl", 0, request, BUFFER)).toBe("ENOTTY");
    expect(m.call("ioctl", 0, FIONREAD, BUFFER)).toBe(0);
  });

  it("keeps settings, size and foreground process group, for every descriptor of it", () => {
    const m = new LinuxMachine({ terminal: { columns: 132, rows: 43 } });
    const { mem } = m.process;
    expect(m.call("ioctl", 0, TIOCGWINSZ, BUFFER)).toBe(0);
    expect([mem.getU16(BUFFER), mem.getU16(BUFFER + 2)]).toEqual([43, 132]);
    mem.setU16(BUFFER, 300);
    expect(m.call("ioctl", 0, TIOCSWINSZ, BUFFER)).toBe(0);
    expect(m.call("ioctl", 2, TIOCGWINSZ, BUFFER + 100)).toBe(0);
    expect([mem.getU16(BUFFER + 100), mem.getU16(BUFFER + 102)]).toEqual([300, 132]);
    expect(m.call("ioctl", 0, TCGETS, BUFFER)).toBe(0);
    expect(mem.getU32(BUFFER + 12) & 0o12).toBe(0o12); // ICANON and ECHO
    mem.setU32(BUFFER + 12, 0);
    expect(m.call("ioctl", 0, TCSETS, BUFFER)).toBe(0);
    const tty = m.must("open", "/dev/tty", O_RDWR, 0);
    expect(m.call("ioctl", tty, TCGETS, BUFFER + 100)).toBe(0);
    expect(mem.getU32(BUFFER + 112)).toBe(0);
    expect(m.call("ioctl", 0, TIOCGPGRP, BUFFER)).toBe(0);
    expect(mem.getU32(BUFFER)).toBe(1);
    mem.setU32(BUFFER, 12);
    expect(m.call("ioctl", tty, TIOCSPGRP, BUFFER)).toBe(0);
    expect(m.call("ioctl", 0, TIOCGPGRP, BUFFER + 4)).toBe(0);
    expect(mem.getU32(BUFFER + 4)).toBe(12);
    expect(m.call("ioctl", 0, TIOCSCTTY, 0)).toBe(0);
    expect(m.call("ioctl", 0, TCGETS, -4)).toBe("EFAULT");
    expect(m.call("ioctl", 0, 0x5499, BUFFER)).toBe("ENOTTY");
  });
});
