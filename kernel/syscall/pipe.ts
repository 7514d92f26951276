/**
 * pipe2(2).
 */
import { EFAULT, EINVAL, EMFILE } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../abi/fcntl.ts";
import { PipeEnd } from "../fs/pipe.ts";
import type { Kernel } from "../kernel.ts";

/** pipe2(2): the read end's and the write end's descriptor at `pipefd`. O_DIRECT (packet mode) is not there. */
export function sys_pipe2(k: Kernel, pipefd: number, flags: number): number {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
  const ptr = pipefd >>> 0;
  if (!k.mem.has(ptr, 8)) return -EFAULT;
  const [reader, writer] = PipeEnd.pair(flags & O_NONBLOCK);
  const cloexec = (flags & O_CLOEXEC) !== 0;
  const readFd = k.fds.open(reader, cloexec);
  const writeFd = readFd < 0 ? readFd : k.fds.open(writer, cloexec);
  if (writeFd < 0) {
    if (readFd >= 0) k.fds.close(k, readFd);
    return -EMFILE;
  }
  k.mem.setU32(ptr, readFd);
  k.mem.setU32(ptr + 4, writeFd);
  return 0;
}
