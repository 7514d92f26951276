/**
 * Where lseek(2) goes, for every file with an offset.
 */
import { EINVAL, ENXIO } from "../abi/errno.ts";
import { SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from "../abi/fcntl.ts";

/** The new offset, or -EINVAL (a bad whence, or an offset that is negative or no whole number), or -ENXIO. */
export function seekTarget(offset: number, whence: number, current: number, size: number): number {
  if (!Number.isSafeInteger(offset)) return -EINVAL;
  let target: number;
  if (whence === SEEK_SET) target = offset;
  else if (whence === SEEK_CUR) target = current + offset;
  else if (whence === SEEK_END) target = size + offset;
  else if (whence === SEEK_DATA || whence === SEEK_HOLE) {
    // No file system reports holes: all is data, with one hole at the end (lseek(2)).
    if (offset < 0 || offset >= size) return -ENXIO;
    target = whence === SEEK_DATA ? offset : size;
  } else return -EINVAL;
  return target >= 0 && Number.isSafeInteger(target) ? target : -EINVAL;
}
