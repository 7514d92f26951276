/**
 * poll_oneoff: waits until one of its subscriptions has something to say. The thread parks on the wait queues of the files and on the earliest
 * of the clocks; nothing turns in circles.
 */
import { EFAULT, EINVAL, EOPNOTSUPP } from "../../abi/errno.ts";
import { FIONREAD } from "../../abi/ioctl.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import {
  CLOCKID_MONOTONIC,
  CLOCKID_REALTIME,
  CLOCKID_THREAD_CPUTIME_ID,
  EVENT_BYTES,
  EVENTRWFLAGS_FD_READWRITE_HANGUP,
  EVENTTYPE_CLOCK,
  EVENTTYPE_FD_READ,
  EVENTTYPE_FD_WRITE,
  RIGHT_FD_READ,
  RIGHT_FD_WRITE,
  RIGHT_POLL_FD_READWRITE,
  SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME,
  SUBSCRIPTION_BYTES,
  wasiErrno,
} from "../../abi/wasi.ts";
import { ConsoleFile } from "../../fs/console-file.ts";
import { FD_MAX } from "../../fs/fd-table.ts";
import type { File } from "../../fs/file.ts";
import { type Inflight, WOULD_BLOCK } from "../../sched/task.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { yieldNow } from "../poll.ts";
import { fileWith } from "./descriptor.ts";
import type { WasiProcess } from "./row.ts";
import { wasiRow } from "./row.ts";
import { toMilliseconds } from "./time-argument.ts";

/** `subscription`: userdata u64, tag u8; then, of clocks: id u32, timeout u64, precision u64, flags u16; of files: the descriptor. */
const TAG = 8;
const CLOCK_ID = 16;
const CLOCK_TIMEOUT = 24;
const CLOCK_FLAGS = 40;
const DESCRIPTOR = 16;
/** `event`: userdata u64, errno u16, type u8; then, of files: bytes u64, flags u16. */
const ERRNO = 8;
const TYPE = 10;
const NBYTES = 16;
const FLAGS = 24;
/** An absent deadline: nothing but files ends the wait. */
const NEVER = Number.POSITIVE_INFINITY;

/** What a parked call keeps: when it began, from which its relative times count. */
class Waiting implements Inflight {
  done = false;
  result = 0;
  readonly sinceMs: number;

  constructor(sinceMs: number) {
    this.sinceMs = sinceMs;
  }
}

export function poll_oneoff(
  k: WasiProcess,
  subscriptions: number,
  events: number,
  count: number,
  nevents: number,
): number {
  const { mem, current } = k;
  const from = subscriptions >>> 0;
  const to = events >>> 0;
  const total = count >>> 0;
  if (total === 0) return -EINVAL;
  if (!mem.has(from, total * SUBSCRIPTION_BYTES) || !mem.has(to, total * EVENT_BYTES)) return -EFAULT;
  if (!mem.has(nevents >>> 0, 4)) return -EFAULT;
  if (total > FD_MAX) return -EINVAL;
  const nowMs = k.clock.monotonicMs();
  const sinceMs = current.inflight instanceof Waiting ? current.inflight.sinceMs : nowMs;
  const queues = new Set<WaitQueue>();
  let earliestMs = NEVER;
  let found = 0;
  for (let index = 0; index < total; index++) {
    const at = from + index * SUBSCRIPTION_BYTES;
    const tag = mem.u8[at + TAG] as number;
    if (tag === EVENTTYPE_CLOCK) {
      const leftMs = timeLeft(k, at, nowMs, sinceMs);
      if (leftMs > 0) earliestMs = Math.min(earliestMs, leftMs);
      else writeEvent(k, to + found++ * EVENT_BYTES, at, tag, Math.min(leftMs, 0));
    } else if (tag === EVENTTYPE_FD_READ || tag === EVENTTYPE_FD_WRITE) {
      const right = RIGHT_POLL_FD_READWRITE | (tag === EVENTTYPE_FD_READ ? RIGHT_FD_READ : RIGHT_FD_WRITE);
      const file = fileWith(k, mem.getI32(at + DESCRIPTOR), right);
      if (typeof file === "number") writeEvent(k, to + found++ * EVENT_BYTES, at, tag, file);
      else {
        const bits = file.poll(k) & ((tag === EVENTTYPE_FD_READ ? POLLIN : POLLOUT) | POLLERR | POLLHUP);
        if (bits === 0) queues.add(file.waiters);
        else writeReady(k, to + found++ * EVENT_BYTES, at, tag, file, bits);
      }
    } else return -EINVAL;
  }
  if (found > 0) {
    const yielded = yieldNow(k, earliestMs === NEVER ? -1 : earliestMs);
    if (yielded === WOULD_BLOCK) {
      current.inflight = new Waiting(sinceMs);
      return yielded;
    }
    mem.setU32(nevents >>> 0, found);
    return 0;
  }
  const answer = k.blockOnAll([...queues], earliestMs === NEVER ? -1 : earliestMs);
  if (answer === WOULD_BLOCK) current.inflight = new Waiting(sinceMs);
  return answer;
}

/** Milliseconds until a clock's event: 0 and below, it is due; a negated errno for a clock that cannot be waited for. */
function timeLeft(k: WasiProcess, at: number, nowMs: number, sinceMs: number): number {
  const { mem } = k;
  const id = mem.getU32(at + CLOCK_ID);
  if (id > CLOCKID_THREAD_CPUTIME_ID) return -EINVAL;
  if (id !== CLOCKID_REALTIME && id !== CLOCKID_MONOTONIC) return -EOPNOTSUPP;
  const timeoutMs = toMilliseconds(mem.getI32(at + CLOCK_TIMEOUT), mem.getI32(at + CLOCK_TIMEOUT + 4));
  const isAbsolute = (mem.getU16(at + CLOCK_FLAGS) & SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) !== 0;
  if (!isAbsolute) return Math.max(0, sinceMs + timeoutMs - nowMs);
  return Math.max(0, timeoutMs - (id === CLOCKID_REALTIME ? k.clock.realtimeMs() : nowMs));
}

function writeEvent({ mem }: WasiProcess, to: number, subscription: number, type: number, answer: number): void {
  mem.u8.copyWithin(to, subscription, subscription + 8);
  mem.u8.fill(0, to + 8, to + EVENT_BYTES);
  mem.setU16(to + ERRNO, wasiErrno(answer));
  mem.u8[to + TYPE] = type;
}

/** A file is ready, or is over: how many bytes can be read, as far as it knows. */
function writeReady(k: WasiProcess, to: number, subscription: number, type: number, file: File, bits: number): void {
  const { mem } = k;
  writeEvent(k, to, subscription, type, 0);
  if (type === EVENTTYPE_FD_READ) {
    if (file.ioctl(k, FIONREAD, to + NBYTES) !== 0) mem.setU32(to + NBYTES, 0);
    // The console says "readable" at the end of its input, too.
    const isOver = (bits & POLLHUP) !== 0 || (file instanceof ConsoleFile && mem.getU32(to + NBYTES) === 0);
    if (isOver) mem.setU16(to + FLAGS, EVENTRWFLAGS_FD_READWRITE_HANGUP);
    return;
  }
  mem.setU32(to + NBYTES, 1);
  if (bits & (POLLHUP | POLLERR)) mem.setU16(to + FLAGS, EVENTRWFLAGS_FD_READWRITE_HANGUP);
}

export const POLL_ROWS = [
  wasiRow(
    "poll_oneoff",
    "subscriptions:ptr events:ptr count:i32 nevents:ptr",
    poll_oneoff,
    "answers ENOSYS for files, waits for the latest of its clocks, and waits by burning the CPU or stopping the host",
    { blocks: true, note: "CPU clocks cannot be waited for" },
  ),
];
