/**
 * A server on the listening sockets that a WASI program is given: echoes lines in capitals on each connection, several at a time, waiting for all of
 * them with poll_oneoff. "quit" shuts the connection down from this side and ends the program. What LISTEN_FDS says it tells first.
 */
import {
  errno,
  eventtype,
  fd_close,
  fd_fdstat_set_flags,
  fdflags,
  poll_oneoff,
  sdflags,
  sock_recv,
  sock_send,
  sock_shutdown,
} from "bindings/wasi_snapshot_preview1";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sock_accept")
declare function sock_accept(fd: u32, flags: u16, out: usize): errno;

const FIRST = 3;
const buffer = memory.data(4096, 8);
const vector = memory.data(16, 8);
const out = memory.data(16, 8);
const subscriptions = memory.data(48 * 64, 8);
const events = memory.data(32 * 64, 8);

function check(what: errno, name: string): void {
  if (what !== errno.SUCCESS) throw new Error(name + ": errno " + (<i32>what).toString());
}

function send(fd: u32, length: u32): void {
  store<u32>(vector, <u32>buffer);
  store<u32>(vector, length, 4);
  check(sock_send(fd, vector, 1, 0, out), "sock_send");
  if (load<u32>(out) !== length) throw new Error("sent " + load<u32>(out).toString());
}

/** False once there is nothing more to come. */
function serve(fd: u32): bool {
  store<u32>(vector, <u32>buffer);
  store<u32>(vector, 4096, 4);
  check(sock_recv(fd, vector, 1, 0, out, out + 8), "sock_recv");
  const length = load<u32>(out);
  if (length === 0) return false;
  if (String.UTF8.decodeUnsafe(buffer, length).startsWith("quit")) {
    check(sock_shutdown(fd, sdflags.WR), "sock_shutdown");
    process.exit(7);
  }
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(buffer + i);
    if (byte >= 0x61 && byte <= 0x7a) store<u8>(buffer + i, byte - 32);
  }
  send(fd, length);
  return true;
}

const listeners = <i32>parseInt(process.env.get("LISTEN_FDS"));
console.log("listening on " + listeners.toString() + ": " + process.env.get("LISTEN_FDNAMES"));
const open: u32[] = [];
for (let i = 0; i < listeners; i++) {
  check(fd_fdstat_set_flags(FIRST + i, fdflags.NONBLOCK), "fd_fdstat_set_flags");
  open.push(FIRST + i);
}
for (;;) {
  memory.fill(subscriptions, 0, 48 * open.length);
  for (let i = 0; i < open.length; i++) {
    store<u64>(subscriptions + 48 * i, open[i]);
    store<u8>(subscriptions + 48 * i, eventtype.FD_READ, 8);
    store<u32>(subscriptions + 48 * i, open[i], 16);
  }
  check(poll_oneoff(subscriptions, events, open.length, out), "poll_oneoff");
  const count = load<u32>(out);
  for (let i: u32 = 0; i < count; i++) {
    const fd = <u32>load<u64>(events + 32 * i);
    if (fd < <u32>(FIRST + listeners)) {
      check(sock_accept(fd, 0, out), "sock_accept");
      open.push(load<u32>(out));
      if (sock_accept(fd, 0, out) !== errno.AGAIN) open.push(load<u32>(out));
    } else if (!serve(fd)) {
      check(fd_close(fd), "fd_close");
      open.splice(open.indexOf(fd), 1);
    }
  }
}
