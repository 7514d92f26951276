/*
 * A thread's function may be declared without parameters, or without parameters and result. What a thread that ends keeps of small
 * blocks goes back after its last destructor, before it holds any lock: fork(2) takes the allocator's first.
 */
#define _GNU_SOURCE
#include "pthread_impl.h"
#include "small_blocks.h"
#define pthread_create __pthread_create_typed
#define __pthread_tsd_run_dtors() ((__pthread_tsd_run_dtors)(), __malloc_thread_end())
#include "../pthread_create.c"
#undef __pthread_tsd_run_dtors
#undef pthread_create
#include "function_type.h"

static void *call(void *function)
{
	((void (*)(void))function)();
	return 0;
}

static void *call_for_result(void *function)
{
	return ((void *(*)(void))function)();
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*function)(void *),
	void *restrict argument)
{
	switch (__function_type(function)) {
	case TAKES_NOTHING: return __pthread_create(thread, attributes, call, function);
	case TAKES_NOTHING_AND_RETURNS: return __pthread_create(thread, attributes, call_for_result, function);
	default: return __pthread_create(thread, attributes, function, argument);
	}
}
