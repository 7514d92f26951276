/*
 * A new thread, by way of the engine. The first word of what the engine passes on must be the stack, the second the TLS base:
 * __wasm_thread_start_libc loads them. The thread itself tells the kernel which word to zero and wake when it is gone (ctid).
 * There are no other clones: a process comes from fork.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include "pthread_impl.h"
#include "syscall.h"

struct start {
	void *stack;
	void *tls;
	struct pthread *thread;
	int (*function)(void *);
	void *argument;
	int *exit_word;
};

int __wasm_thread_spawn(void (*start)(int, void *), void *argument)
	__attribute__((__import_module__("wali"), __import_name__("__wasm_thread_spawn")));
void __wasm_thread_start_libc(int tid, void *start);

hidden void __wasm_thread_main(int tid, struct start *start)
{
	start->thread->tid = tid;
	__syscall(SYS_set_tid_address, start->exit_word);
	__syscall(SYS_exit, start->function(start->argument));
}

int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	va_list rest;
	if (!(flags & CLONE_THREAD)) return -ENOSYS;

	va_start(rest, argument);
	int *parent_tid = va_arg(rest, int *);
	struct pthread *thread = va_arg(rest, struct pthread *);
	int *exit_word = va_arg(rest, int *);
	va_end(rest);

	struct start *start = (void *)(((uintptr_t)stack & -16) - ((sizeof *start + 15) & -16));
	*start = (struct start){ start, thread->dtv, thread, function, argument, exit_word };
	int tid = __wasm_thread_spawn(__wasm_thread_start_libc, start);
	if (tid >= 0) *parent_tid = tid;
	return tid;
}
