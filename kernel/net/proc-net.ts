/**
 * /proc/net/tcp and tcp6 (proc(5)): one line for each stream socket of the family.
 */
import { AF_INET, AF_INET6 } from "../abi/socket.ts";
import type { Kernel } from "../kernel.ts";
import type { Address } from "./address.ts";
import type { StreamSocket } from "./stream-socket.ts";
import { STREAM_CONNECTED, STREAM_CONNECTING, STREAM_LISTENING, STREAM_NEW } from "./stream-state.ts";

/** include/net/tcp_states.h. */
const TCP_ESTABLISHED = 1;
const TCP_SYN_SENT = 2;
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const HEADER6 =
  "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/** The whole text, header line included. */
export function tcpTable(kernel: Kernel, family: 4 | 6): string {
  const domain = family === 6 ? AF_INET6 : AF_INET;
  let text = family === 6 ? HEADER6 : HEADER;
  let line = 0;
  for (const socket of kernel.net.streams) {
    if (socket.domain !== domain || (socket.state === STREAM_NEW && !socket.bound)) continue;
    const queues = `00000000:${hex(socket.listening ? socket.pendingCount : socket.queued, 8)}`;
    text += `${String(line++).padStart(4)}: ${place(socket.local)} ${place(socket.peer ?? { ...socket.local, host: new Uint8Array(socket.local.host.length), port: 0 })} ${hex(stateOf(socket), 2)} ${queues} 00:00000000 00000000     0        0 ${line} 1 0000000000000000 100 0 0 10 0\n`;
  }
  return text;
}

function stateOf(socket: StreamSocket): number {
  if (socket.state === STREAM_LISTENING) return TCP_LISTEN;
  if (socket.state === STREAM_CONNECTING) return TCP_SYN_SENT;
  return socket.state === STREAM_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSE;
}

/** Address in words of the machine's byte order (little-endian), then the port. */
function place({ host, port }: Address): string {
  let text = "";
  for (let word = 0; word < host.length; word += 4) {
    for (let i = 3; i >= 0; i--) text += hex(host[word + i] as number, 2);
  }
  return `${text}:${hex(port, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
