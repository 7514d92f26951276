/*
 * Threads take turns at system calls, and most of what is done with a free lock needs none: a thread that tries until another one
 * has done something would try for ever. So the functions that it may try call this, which yields now and then.
 */
#ifndef _TAKE_TURNS_H
#define _TAKE_TURNS_H

#include "syscall.h"

#define CALLS_PER_TURN 1024

static inline void __take_turns(void)
{
	static unsigned calls;
	if (++calls % CALLS_PER_TURN == 0) __syscall(SYS_sched_yield);
}

#endif
