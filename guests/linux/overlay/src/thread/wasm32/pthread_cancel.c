/*
 * Cancellation without a program counter to look at. A request sets the target's flag and sends it SIGCANCEL, whose handler
 * need not do anything: it is there so that a call that waits ends with EINTR (no SA_RESTART). See internal/syscall.h.
 */
#define _GNU_SOURCE
#include <string.h>
#include "pthread_impl.h"
#include "syscall.h"

hidden long __cancel(void);

long __cancel(void)
{
	pthread_t self = __pthread_self();
	if (self->canceldisable == PTHREAD_CANCEL_ENABLE || self->cancelasync)
		pthread_exit(PTHREAD_CANCELED);
	self->canceldisable = PTHREAD_CANCEL_DISABLE;
	return -ECANCELED;
}

/* PTHREAD_CANCEL_MASKED makes calls fail with ECANCELED instead, except close, which must not. */
static int cancelled(int call)
{
	pthread_t self = __pthread_self();
	int state = self->canceldisable;
	if (!self->cancel || state == PTHREAD_CANCEL_DISABLE) return 0;
	return !(state && call == SYS_close);
}

long __cancel_before(int call)
{
	return cancelled(call) ? __cancel() : 0;
}

long __cancel_after(int call, long result)
{
	return result == -EINTR && call != SYS_close && cancelled(call) ? __cancel() : result;
}

void __testcancel(void)
{
	pthread_t self = __pthread_self();
	if (self->cancel && !self->canceldisable) __cancel();
}

static void cancel_handler(int signal, siginfo_t *info, void *context)
{
	pthread_t self = __pthread_self();
	if (self->cancel && self->cancelasync && self->canceldisable != PTHREAD_CANCEL_DISABLE) {
		__syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, SIGPT_SET, 0, _NSIG/8);
		__cancel();
	}
}

static void init_cancellation(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO, .sa_sigaction = cancel_handler };
	memset(&sa.sa_mask, -1, _NSIG/8);
	__libc_sigaction(SIGCANCEL, &sa, 0);
}

int pthread_cancel(pthread_t thread)
{
	static int init;
	if (!init) {
		init_cancellation();
		init = 1;
	}
	a_store(&thread->cancel, 1);
	if (thread == pthread_self()) {
		if (thread->canceldisable == PTHREAD_CANCEL_ENABLE && thread->cancelasync)
			pthread_exit(PTHREAD_CANCELED);
		return 0;
	}
	return pthread_kill(thread, SIGCANCEL);
}
