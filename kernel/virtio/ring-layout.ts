/**
 * How a split virtqueue lies in memory (virtio 1.2, 2.7), shared by the driver side and the device side. All fields are
 * little-endian; the rings are reached through typed arrays, so hosts are little-endian too (every host of V8 that matters is).
 *
 *     descriptor table   16 bytes each: u64 address, u32 length, u16 flags, u16 next     written by the driver     aligned to 16
 *     available ring     u16 flags, u16 idx, u16 ring[size], u16 used_event              written by the driver     aligned to 2
 *     used ring          u16 flags, u16 idx, {u32 id, u32 len}[size], u16 avail_event    written by the device     aligned to 4
 */

/** Descriptor flags (2.7.5). */
export const VIRTQ_DESC_F_NEXT = 1;
export const VIRTQ_DESC_F_WRITE = 2;
export const VIRTQ_DESC_F_INDIRECT = 4;

/** Ring flags (2.7.6, 2.7.8). */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
export const VIRTQ_USED_F_NO_NOTIFY = 1;

export const VIRTQ_DESC_SIZE = 16;
export const VIRTQ_DESC_ALIGN = 16;
export const VIRTQ_AVAIL_ALIGN = 2;
export const VIRTQ_USED_ALIGN = 4;

/** Largest queue size there is (2.7). */
export const QUEUE_SIZE_MAX = 32768;

export function descriptorTableBytes(size: number): number {
  return VIRTQ_DESC_SIZE * size;
}

export function availRingBytes(size: number): number {
  return 6 + 2 * size;
}

export function usedRingBytes(size: number): number {
  return 6 + 8 * size;
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** True if moving an index from `oldIndex` to `newIndex` passed `event`: the other side asked to be told (2.7.7.1, 2.7.10). */
export function vringNeedEvent(event: number, newIndex: number, oldIndex: number): boolean {
  return ((newIndex - event - 1) & 0xffff) < ((newIndex - oldIndex) & 0xffff);
}
