/**
 * echo: the echo service (RFC 862) on TCP port 7. One blocking thread for each connection: `read` parks it until there is
 * something to send back.
 */
import { ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, errnoMessage } from "../lib/errno";
import { eprintln, exit, println } from "../lib/process";
import { Listener, Socket } from "../lib/socket";
import { sleep, spawn } from "../lib/thread";

export { thread_entry } from "../lib/thread";

const PORT: i32 = 7;

function serve(socket: Socket): i32 {
  const buffer = new Uint8Array(16 * 1024);
  while (true) {
    const n = socket.read(buffer);
    if (n <= 0) break; // the peer is done, or gone
    if (socket.writeAll(buffer, 0, n) < 0) break;
  }
  socket.close();
  return 0;
}

function isShortage(error: i32): bool {
  return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM || error == -ECONNABORTED;
}

export function _start(): void {
  const opened = Listener.open(PORT);
  if (opened.failed) {
    eprintln("echo: port " + PORT.toString() + ": " + errnoMessage(opened.error));
    exit(1);
  }
  const listener = opened.value;
  println("echo: listening on port " + PORT.toString());
  while (true) {
    const accepted = listener.accept();
    if (accepted.failed) {
      eprintln("echo: accept: " + errnoMessage(accepted.error));
      // Out of descriptors or memory: wait until some connections have gone. Whatever else it is would not pass.
      if (!isShortage(accepted.error) || sleep(100) < 0) exit(1);
      continue;
    }
    const socket = accepted.value;
    socket.setNoDelay(true);
    if (spawn<Socket>(serve, socket) < 0) socket.close();
  }
}
