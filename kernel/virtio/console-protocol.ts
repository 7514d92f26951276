/**
 * The console device's constants and messages (virtio 1.2, 5.3), shared by driver and device, and the three ports that a
 * machine's console has: output, error output and input are ports of their own, so that each can end by itself (PORT_OPEN 0).
 */

export const VIRTIO_CONSOLE_F_SIZE = 0;
export const VIRTIO_CONSOLE_F_MULTIPORT = 1;

/** Configuration space: u16 cols, u16 rows, u32 max_nr_ports, u32 emerg_wr. */
export const CONSOLE_CONFIG_COLS = 0;
export const CONSOLE_CONFIG_ROWS = 2;
export const CONSOLE_CONFIG_PORTS = 4;
export const CONSOLE_CONFIG_BYTES = 12;

/** Control messages: u32 id, u16 event, u16 value (5.3.6.2). */
export const CONTROL_BYTES = 8;
export const VIRTIO_CONSOLE_DEVICE_READY = 0;
export const VIRTIO_CONSOLE_DEVICE_ADD = 1;
export const VIRTIO_CONSOLE_DEVICE_REMOVE = 2;
export const VIRTIO_CONSOLE_PORT_READY = 3;
export const VIRTIO_CONSOLE_CONSOLE_PORT = 4;
export const VIRTIO_CONSOLE_RESIZE = 5;
export const VIRTIO_CONSOLE_PORT_OPEN = 6;
export const VIRTIO_CONSOLE_PORT_NAME = 7;

export const PORT_STDOUT = 0;
export const PORT_STDERR = 1;
export const PORT_STDIN = 2;
export const PORT_COUNT = 3;

/** Queues (5.3.2): each port has a receive and a transmit queue; 2 and 3 are the control queues. */
export const QUEUE_CONTROL_RECEIVE = 2;
export const QUEUE_CONTROL_TRANSMIT = 3;
export const QUEUE_COUNT = 2 * (PORT_COUNT + 1);

export function receiveQueueOf(port: number): number {
  return port === 0 ? 0 : 2 * (port + 1);
}

export function transmitQueueOf(port: number): number {
  return receiveQueueOf(port) + 1;
}
