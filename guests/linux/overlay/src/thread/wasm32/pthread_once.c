/* The function may be declared with a result: then what calls it is compiled once more, for those. */
#define pthread_once __pthread_once_at_once
#include "../pthread_once.c"
#undef pthread_once

#define pthread_once __pthread_once_returning_at_once
#define __pthread_once __pthread_once_returning
#define __pthread_once_full __pthread_once_returning_full
#define undo undo_returning
#define init() ((int (*)(void))init)()
#include "../pthread_once.c"
#undef pthread_once
#undef __pthread_once
#undef __pthread_once_full
#undef undo
#undef init

#include "function_type.h"
#include "take_turns.h"

int pthread_once(pthread_once_t *control, void (*function)(void))
{
	__take_turns();
	if (*control == 2) return 0; /* it has been called */
	if (__function_type(function) == TAKES_NOTHING_AND_RETURNS) return __pthread_once_returning(control, function);
	return __pthread_once(control, function);
}
