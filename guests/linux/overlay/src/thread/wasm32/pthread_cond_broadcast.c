#define pthread_cond_broadcast __pthread_cond_broadcast_at_once
#include "../pthread_cond_broadcast.c"
#undef pthread_cond_broadcast
#include "take_turns.h"

int pthread_cond_broadcast(pthread_cond_t *condition)
{
	__take_turns();
	return __pthread_cond_broadcast_at_once(condition);
}
