/**
 * poll(2), select(2) and epoll(7) as Linux programs call them.
 */
import { EINVAL } from "../../abi/errno.ts";
import type { Process } from "../../process/process.ts";
import { sys_epoll_create1, sys_epoll_ctl, sys_epoll_wait } from "../epoll.ts";
import { sys_poll } from "../poll.ts";
import type { Row } from "../row.ts";
import { BLOCKS, linuxRow } from "./row.ts";

/** epoll_create(2): `size` has no meaning but must be positive. */
export function sys_epoll_create(k: Process, size: number): number {
  return size <= 0 ? -EINVAL : sys_epoll_create1(k, 0);
}

export const READINESS_ROWS: readonly Row[] = [
  linuxRow(7, "poll", "fds:ptr nfds:i32 timeoutMs:i32", sys_poll, BLOCKS),
  linuxRow(213, "epoll_create", "size:i32", sys_epoll_create),
  linuxRow(232, "epoll_wait", "epfd:fd events:ptr maxevents:i32 timeoutMs:i32", sys_epoll_wait, BLOCKS),
  linuxRow(233, "epoll_ctl", "epfd:fd op:i32 fd:fd event:ptr", sys_epoll_ctl),
  linuxRow(291, "epoll_create1", "flags:i32", sys_epoll_create1),
];
