/**
 * signalfd(2): signals that are read instead of handled. Whoever reads gets its own: those pending for the reading thread, and for its
 * process. The program blocks them, or their handlers are faster.
 */
import { EAGAIN, EINVAL, ENOTTY } from "../abi/errno.ts";
import { O_NONBLOCK } from "../abi/fcntl.ts";
import { POLLIN, POLLRDNORM } from "../abi/poll.ts";
import { SI_TIMER, SIGCHLD } from "../abi/signal.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process/process.ts";
import { takeOf } from "../process/process-signals.ts";
import type { SignalInfo } from "../process/signal-info.ts";
import { SignalSet } from "../process/signal-set.ts";
import type { WaitQueue } from "../sched/wait-queue.ts";
import { statAnonymous } from "./anonymous.ts";
import type { File, Stat } from "./file.ts";

/** `struct signalfd_siginfo`. */
export const SIGNALFD_SIGINFO_BYTES = 128;

export class SignalFd implements File {
  readonly kind = "signalfd";
  flags: number;
  refs = 0;
  /** Woken for every signal of the process that made it. */
  readonly waiters: WaitQueue;
  readonly seekable = null;
  readonly directory = null;
  readonly durable = null;
  /** What is read through it. */
  readonly wanted = new SignalSet();

  constructor(process: Process, wanted: SignalSet, flags: number) {
    this.waiters = process.linux.signals.raised;
    this.flags = flags;
    this.wanted.set(wanted);
  }

  read(k: Kernel, buf: number, count: number): number {
    const room = Math.floor(count / SIGNALFD_SIGINFO_BYTES);
    if (room === 0) return -EINVAL;
    const { linux } = k as Process;
    const thread = k.current.linux;
    let taken = 0;
    while (taken < room) {
      const info = takeOf(this.wanted, thread?.pending, linux.signals.pending);
      if (!info) break;
      writeInfo(k, buf + taken * SIGNALFD_SIGINFO_BYTES, info);
      taken++;
    }
    if (taken === 0) return this.flags & O_NONBLOCK ? -EAGAIN : k.block(linux.signals.raised);
    linux.signals.update(k.current);
    return taken * SIGNALFD_SIGINFO_BYTES;
  }

  write(): number {
    return -EINVAL;
  }

  poll(k: Kernel): number {
    const { linux } = k as Process;
    const pending = linux.signals.pending.set.clone();
    if (k.current.linux) pending.addAll(k.current.linux.pending.set);
    return pending.intersects(this.wanted) ? POLLIN | POLLRDNORM : 0;
  }

  close(): void {}

  stat(_k: Kernel, out: Stat): number {
    return statAnonymous(out, 0o600);
  }

  ioctl(): number {
    return -ENOTTY;
  }
}

function writeInfo({ mem }: Kernel, ptr: number, info: SignalInfo): void {
  mem.u8.fill(0, ptr, ptr + SIGNALFD_SIGINFO_BYTES);
  mem.setU32(ptr, info.signo);
  mem.setU32(ptr + 8, info.code);
  if (info.code === SI_TIMER) {
    mem.setU32(ptr + 24, info.pid); // ssi_tid: the timer's number
    mem.setU32(ptr + 32, info.uid); // ssi_overrun
  } else {
    mem.setU32(ptr + 12, info.pid);
    mem.setU32(ptr + 16, info.uid);
  }
  if (info.signo === SIGCHLD) {
    mem.setU32(ptr + 40, info.value); // ssi_status
    mem.setI64(ptr + 56, info.utime ?? 0);
    mem.setI64(ptr + 64, info.stime ?? 0);
  } else {
    mem.setU32(ptr + 44, info.value); // ssi_int
    mem.setU32(ptr + 48, info.value); // ssi_ptr
  }
}
