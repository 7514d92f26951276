/**
 * Sockets of threads, against a peer on the host: `connect` talks to a server that answers each line in capitals and closes
 * after `bye`; `udp` says hello to a datagram socket and answers three datagrams in capitals.
 */
import { ECONNREFUSED, EINVAL } from "../lib/errno";
import { Udp, connect } from "../lib/socket";
import { same } from "./check";

function text(buffer: Uint8Array, length: i32): string {
  return String.UTF8.decodeUnsafe(buffer.dataStart, length);
}

export function checkConnect(port: i32): void {
  const buffer = new Uint8Array(1024);
  const socket = connect("localhost", port).value;
  same<i32>(<i32>socket.peerAddress.value.port, port, "the peer's port");
  same<i32>(socket.setNoDelay(true), 0, "setNoDelay");
  same<i32>(socket.writeText("hello\n"), 0, "writeText");
  same<string>(text(buffer, socket.read(buffer)), "HELLO\n", "the answer");
  same<i32>(socket.writeText("bye\n"), 0, "writeText");
  same<i32>(socket.shutdown(), 0, "shutdown");
  same<string>(text(buffer, socket.readFully(buffer)), "BYE\n", "the answer up to the end");
  same<i32>(socket.read(buffer), 0, "the end");
  same<i32>(socket.close(), 0, "close");
  same<i32>(connect("127.0.0.1", 1).error, -ECONNREFUSED, "nobody listens on port 1");
  same<i32>(connect("127.0.0.256", port).error, -EINVAL, "no such address");
  same<i32>(connect("127.0.0.1", 65536).error, -EINVAL, "no such port");
}

export function checkUdp(port: i32): void {
  const buffer = new Uint8Array(1024);
  const socket = Udp.open().value;
  const hello = Uint8Array.wrap(String.UTF8.encode("hello"));
  same<i32>(socket.sendTo("localhost", port, hello), 5, "sendTo");
  for (let i = 0; i < 3; i++) {
    const n = socket.receive(buffer);
    const answer = Uint8Array.wrap(String.UTF8.encode(text(buffer, n).toUpperCase()));
    const sender = socket.sender!;
    same<string>(sender.toString(), "127.0.0.1:" + port.toString(), "the sender");
    same<i32>(socket.sendTo("127.0.0.1", <i32>sender.port, answer), n, "sendTo");
  }
  same<i32>(socket.close(), 0, "close");
}
