/**
 * poll(2) and epoll(7) as Linux programs call them; select(2) is in select.ts.
 */
import { EINVAL } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";
import { sys_epoll_create1, sys_epoll_ctl, sys_epoll_wait } from "../epoll.ts";
import { sys_poll } from "../poll.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";
import { sys_pselect6, sys_select } from "./select.ts";
import { timespecMs } from "./time-argument.ts";
import { boundedMs, enterMask, leaveMask, leaveTime } from "./wait-context.ts";

/** ppoll(2): the remaining time replaces the timeout. */
export function sys_ppoll(
  k: Process,
  fds: number,
  nfds: number,
  timeout: number,
  mask: number,
  maskBytes: number,
): number {
  const ptr = timeout >>> 0;
  const timeoutMs = ptr === 0 ? -1 : boundedMs(timespecMs(k, ptr));
  if (ptr !== 0 && timeoutMs < 0) return timeoutMs;
  const wrong = enterMask(k, mask, maskBytes);
  if (wrong !== 0) return wrong;
  return leaveTime(k, ptr, false, timeoutMs, leaveMask(k, mask, sys_poll(k, fds, nfds, timeoutMs)));
}

/** epoll_create(2): `size` has no meaning but must be positive. */
export function sys_epoll_create(k: Process, size: number): number {
  return size <= 0 ? -EINVAL : sys_epoll_create1(k, 0);
}

/** epoll_pwait(2). */
export function sys_epoll_pwait(
  k: Process,
  epfd: number,
  events: number,
  maxevents: number,
  timeoutMs: number,
  mask: number,
  maskBytes: number,
): number {
  if (mask === 0) return sys_epoll_wait(k, epfd, events, maxevents, timeoutMs);
  const wrong = enterMask(k, mask, maskBytes);
  if (wrong !== 0) return wrong;
  return leaveMask(k, mask, sys_epoll_wait(k, epfd, events, maxevents, timeoutMs));
}

/** epoll_pwait2(2): the timeout is a timespec, which stays as it is; a null pointer waits for ever. */
export function sys_epoll_pwait2(
  k: Process,
  epfd: number,
  events: number,
  maxevents: number,
  timeout: number,
  mask: number,
  maskBytes: number,
): number {
  const timeoutMs = timeout === 0 ? -1 : boundedMs(timespecMs(k, timeout >>> 0));
  if (timeout !== 0 && timeoutMs < 0) return timeoutMs;
  return sys_epoll_pwait(k, epfd, events, maxevents, timeoutMs, mask, maskBytes);
}

export const READINESS_ROWS: readonly Row[] = [
  linuxRow(7, "poll", "fds:ptr nfds:i32 timeoutMs:i32", sys_poll, BLOCKS),
  linuxRow(23, "select", "nfds:i32 readfds:ptr writefds:ptr exceptfds:ptr timeout:ptr", sys_select, BLOCKS),
  linuxRow(213, "epoll_create", "size:i32", sys_epoll_create),
  linuxRow(232, "epoll_wait", "epfd:fd events:ptr maxevents:i32 timeoutMs:i32", sys_epoll_wait, BLOCKS),
  linuxRow(233, "epoll_ctl", "epfd:fd op:i32 fd:fd event:ptr", sys_epoll_ctl),
  linuxRow(
    270,
    "pselect6",
    "nfds:i32 readfds:ptr writefds:ptr exceptfds:ptr timeout:ptr mask:ptr",
    sys_pselect6,
    BLOCKS,
  ),
  linuxRow(271, "ppoll", "fds:ptr nfds:i32 timeout:ptr mask:ptr maskBytes:i32", sys_ppoll, BLOCKS),
  linuxRow(
    281,
    "epoll_pwait",
    "epfd:fd events:ptr maxevents:i32 timeoutMs:i32 mask:ptr maskBytes:i32",
    sys_epoll_pwait,
    BLOCKS,
  ),
  linuxRow(291, "epoll_create1", "flags:i32", sys_epoll_create1),
  linuxRow(
    441,
    "epoll_pwait2",
    "epfd:fd events:ptr maxevents:i32 timeout:ptr mask:ptr maskBytes:i32",
    sys_epoll_pwait2,
    BLOCKS,
  ),
];
