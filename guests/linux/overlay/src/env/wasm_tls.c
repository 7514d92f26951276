/*
 * Thread-local storage as the linker lays it out: one block, reached through the global __tls_base. The main thread's block lies
 * in the program's data; a new thread's is made above its stack, below its struct pthread. `dtv` keeps the block's address.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "pthread_impl.h"
#include "libc.h"
#include "small_blocks.h"
#include "syscall.h"

volatile int __thread_list_lock;

void __wasm_init_tls(void *);

static inline void *tls_base(void)
{
	return __builtin_wasm_tls_base();
}

static void set_tls_base(void *base)
{
	__asm__ volatile (".globaltype __tls_base, i32\n"
	                  "local.get %0\n"
	                  "global.set __tls_base" : : "r"(base));
}

int __init_tp(void *p)
{
	pthread_t self = p;
	self->self = self;
	if (__set_thread_area(self) < 0) return -1;
	libc.can_do_threads = 1;
	self->detach_state = DT_JOINABLE;
	self->tid = __syscall(SYS_set_tid_address, &__thread_list_lock);
	self->locale = &libc.global_locale;
	self->robust_list.head = &self->robust_list.head;
	self->sysinfo = __sysinfo;
	self->next = self->prev = self;
	return 0;
}

/* `memory` has libc.tls_size bytes, all zero. */
void *__copy_tls(unsigned char *memory)
{
	size_t align = libc.tls_align;
	unsigned char *block = (void *)(((uintptr_t)memory + align - 1) & -align);
	pthread_t thread = (void *)(((uintptr_t)memory + libc.tls_size - sizeof *thread) & -16);
	if (__builtin_wasm_tls_size()) {
		void *own = tls_base();
		__wasm_init_tls(block);
		set_tls_base(own);
	}
	thread->dtv = (uintptr_t *)block;
	return thread;
}

/* The calling thread's variables are what they were when it began. */
void __reset_tls(void)
{
	__malloc_thread_end();
	if (__builtin_wasm_tls_size()) __wasm_init_tls(tls_base());
}

static struct pthread main_thread;

void __init_tls(size_t *aux)
{
	libc.tls_align = __builtin_wasm_tls_align() > 16 ? __builtin_wasm_tls_align() : 16;
	libc.tls_size = (__builtin_wasm_tls_size() + libc.tls_align + sizeof(struct pthread) + 2*16) & -16;
	libc.tls_cnt = 1;
	main_thread.dtv = tls_base();
	if (__init_tp(&main_thread) < 0) a_crash();
}
