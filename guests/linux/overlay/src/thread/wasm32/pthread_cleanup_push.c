/* A cleanup handler may be declared without parameters. */
#include "pthread_impl.h"
#include "function_type.h"

static void nothing(struct __ptcb *handler)
{
}

weak_alias(nothing, __do_cleanup_push);
weak_alias(nothing, __do_cleanup_pop);

static void call(void *function)
{
	((void (*)(void))function)();
}

static void call_for_result(void *function)
{
	((int (*)(void))function)();
}

void _pthread_cleanup_push(struct __ptcb *handler, void (*function)(void *), void *argument)
{
	/* The one that was found to be right last: the library's own handlers come again and again. */
	static void (*known)(void *);
	handler->__f = function;
	handler->__x = argument;
	if (function != known) {
		int type = __function_type(function);
		if (type == TAKES_NOTHING || type == TAKES_NOTHING_AND_RETURNS) {
			handler->__f = type == TAKES_NOTHING ? call : call_for_result;
			handler->__x = function;
		} else known = function;
	}
	__do_cleanup_push(handler);
}

void _pthread_cleanup_pop(struct __ptcb *handler, int run)
{
	__do_cleanup_pop(handler);
	if (run) handler->__f(handler->__x);
}
