/*
 * clone for the callers that want a process (posix_spawn, and with it system and popen): by fork. The child has a copy of the
 * memory instead of the same memory, which those callers cannot tell: they speak with it by a pipe.
 */
#include "pthread_impl.h"
#include "syscall.h"

hidden int __fork_clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	int pid = __syscall(SYS_fork);
	if (pid) return pid;
	/* A process of its own, with the thread that called alone. */
	pthread_t self = __pthread_self();
	self->tid = __syscall(SYS_gettid);
	__syscall(SYS_exit_group, function(argument));
	for (;;);
}
