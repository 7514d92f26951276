#define pthread_mutex_trylock __pthread_mutex_trylock_at_once
#include "../pthread_mutex_trylock.c"
#undef pthread_mutex_trylock
#include "take_turns.h"

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	__take_turns();
	return __pthread_mutex_trylock(mutex);
}
