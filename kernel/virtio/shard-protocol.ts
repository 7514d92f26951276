/**
 * The shard device: what driver and device share (kernel/virtio/README.md).
 */

/** The standard has no such device: a number that it has not given away. */
export const VIRTIO_ID_SHARD = 0x5a;

export const SHARD_QUEUE_RX = 0;
export const SHARD_QUEUE_TX = 1;

/** Configuration space: which shard this machine is, of how many, and random bytes that all of them have (for hashes that must agree). */
export const SHARD_CONFIG_SELF = 0;
export const SHARD_CONFIG_COUNT = 4;
export const SHARD_CONFIG_SECRET = 8;
export const SHARD_SECRET_BYTES = 16;
export const SHARD_CONFIG_BYTES = SHARD_CONFIG_SECRET + SHARD_SECRET_BYTES;

/** Before the bytes of a message, in both directions: the other shard (u32), the length (u32). */
export const SHARD_HDR_PEER = 0;
export const SHARD_HDR_LENGTH = 4;
export const SHARD_HDR_BYTES = 8;

/** Longest message. */
export const SHARD_MESSAGE_BYTES_MAX = 32 * 1024;
export const SHARDS_MAX = 64;
