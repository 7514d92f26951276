/**
 * System calls of shards, as guests/lib/sys.ts describes them. A machine that was booted without shards is number 0 of 1.
 */
import { EBUSY, EFAULT, EINVAL, EMSGSIZE, ENODEV } from "../abi/errno.ts";
import type { Kernel } from "../kernel.ts";
import { SHARD_MESSAGE_BYTES_MAX, SHARD_SECRET_BYTES } from "../virtio/shard-protocol.ts";

export function sys_shard_self(k: Kernel): number {
  return k.shards?.self ?? 0;
}

export function sys_shard_count(k: Kernel): number {
  return k.shards?.count ?? 1;
}

export function sys_shard_secret(k: Kernel, buf: number): number {
  const ptr = buf >>> 0;
  if (!k.mem.has(ptr, SHARD_SECRET_BYTES)) return -EFAULT;
  if (k.shards) k.mem.u8.set(k.shards.secret, ptr);
  else k.entropy.fill(k.mem.base + ptr, SHARD_SECRET_BYTES);
  return SHARD_SECRET_BYTES;
}

export function sys_ring_messages(k: Kernel, base: number, count: number): number {
  const ptr = base >>> 0;
  if (count < 1 || count > (k.shards?.bufferRoom ?? 256)) return -EINVAL;
  if (ptr === 0 || !k.mem.has(ptr, count * SHARD_MESSAGE_BYTES_MAX)) return -EFAULT;
  if (!k.shards) return -ENODEV;
  if (!k.ring) return -EINVAL;
  if (k.shards.hasBuffers) return -EBUSY;
  k.shards.lend(ptr, count);
  return 0;
}

export function sys_ring_message(k: Kernel, shard: number, ptr: number, len: number, token: number): number {
  if (len < 0) return -EINVAL;
  if (!k.mem.has(ptr >>> 0, len)) return -EFAULT;
  if (len > SHARD_MESSAGE_BYTES_MAX) return -EMSGSIZE;
  const { shards } = k;
  if (!shards || !k.ring || shard < 0 || shard >= shards.count || shard === shards.self) return -EINVAL;
  return shards.send(k.ring, shard, ptr >>> 0, len, token);
}
