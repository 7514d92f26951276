/**
 * The wire format between the socket driver (kernel/virtio/socket.ts) and its device (host/devices/net.ts): virtio 1.2, 5.10,
 * and our extension of it (kernel/virtio/README.md): addresses in REQUEST and RESPONSE, the operations from 0x100 on, and two
 * meanings of `flags`.
 *
 * struct virtio_vsock_hdr, 44 bytes, little-endian: u64 src_cid, dst_cid; u32 src_port, dst_port, len; u16 type, op;
 * u32 flags, buf_alloc, fwd_cnt. Offsets below are in bytes.
 */

export const VSOCK_HDR_BYTES = 44;
export const HDR_SRC_CID = 0;
export const HDR_DST_CID = 8;
export const HDR_SRC_PORT = 16;
export const HDR_DST_PORT = 20;
export const HDR_LEN = 24;
export const HDR_TYPE = 28;
export const HDR_OP = 30;
export const HDR_FLAGS = 32;
export const HDR_BUF_ALLOC = 36;
export const HDR_FWD_CNT = 40;

/** The same in words of 32 bits, as headers in kernel RAM are read and written; `type` and `op` are one word. */
export const W_SRC_PORT = HDR_SRC_PORT / 4;
export const W_DST_PORT = HDR_DST_PORT / 4;
export const W_LEN = HDR_LEN / 4;
export const W_TYPE_OP = HDR_TYPE / 4;
export const W_FLAGS = HDR_FLAGS / 4;
export const W_BUF_ALLOC = HDR_BUF_ALLOC / 4;
export const W_FWD_CNT = HDR_FWD_CNT / 4;

export const VSOCK_QUEUE_RX = 0;
export const VSOCK_QUEUE_TX = 1;
export const VSOCK_QUEUE_EVENT = 2;

export const VMADDR_CID_HOST = 2;
export const GUEST_CID = 3;

export const VIRTIO_VSOCK_TYPE_STREAM = 1;
/** Datagrams: reserved in 1.2; a packet carries the sockaddr of the other side in a slot before its data. */
export const VIRTIO_VSOCK_TYPE_DGRAM = 3;

export const VIRTIO_VSOCK_OP_REQUEST = 1;
export const VIRTIO_VSOCK_OP_RESPONSE = 2;
export const VIRTIO_VSOCK_OP_RST = 3;
export const VIRTIO_VSOCK_OP_SHUTDOWN = 4;
export const VIRTIO_VSOCK_OP_RW = 5;
export const VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6;
export const VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7;
/** Extension, driver to device. LISTEN: dst_port = the guest port, flags = the backlog. BIND: the same for datagrams. */
export const RINGZERO_OP_LISTEN = 0x100;
export const RINGZERO_OP_UNLISTEN = 0x101;
export const RINGZERO_OP_BIND = 0x102;
export const RINGZERO_OP_UNBIND = 0x103;

export const VIRTIO_VSOCK_SHUTDOWN_RCV = 1;
export const VIRTIO_VSOCK_SHUTDOWN_SEND = 2;
/** Extension, flags of RW: the device copies the payload before it returns from the notification. */
export const RINGZERO_FLAG_COPY = 0x8000_0000;
/** Extension, flags of RST: why, as an errno (0: an orderly end). */
export const RST_ERRNO_MAX = 4095;

/** Addresses travel as Linux sockaddrs in slots of sizeof(struct sockaddr_in6). A REQUEST to the guest carries peer and local. */
export const ADDRESS_SLOT_BYTES = 28;

export const VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;
export const VSOCK_EVENT_BYTES = 4;

/**
 * Extension, configuration space behind guest_cid: the names of AF_UNIX sockets that the device publishes, by name i under guest port
 * NAME_PORT_MIN + i. u16 count, then for each name u16 length and its bytes.
 */
export const CONFIG_NAMES = 8;
export const NAME_PORT_MIN = 0x10000;
export const NAMES_MAX = 256;

/** Connection ids (the host's port): those that the device gives, and those that the driver gives. */
export const HOST_PORT_MIN = 1024;
export const HOST_PORT_MAX = 2 ** 29;
export const OUTGOING_PORT_MIN = 2 ** 29 + 1;
export const OUTGOING_PORT_MAX = 2 ** 30;
