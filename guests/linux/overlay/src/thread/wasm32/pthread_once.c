#define pthread_once __pthread_once_at_once
#include "../pthread_once.c"
#undef pthread_once
#include "take_turns.h"

int pthread_once(pthread_once_t *control, void (*function)(void))
{
	__take_turns();
	return __pthread_once(control, function);
}
