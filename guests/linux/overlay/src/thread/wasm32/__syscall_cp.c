/* A program without pthread_cancel has nothing to look for. */
#include "syscall.h"

static long nothing_before(int call)
{
	return 0;
}

static long nothing_after(int call, long result)
{
	return result;
}

weak_alias(nothing_before, __cancel_before);
weak_alias(nothing_after, __cancel_after);
