#define pthread_cond_signal __pthread_cond_signal_at_once
#include "../pthread_cond_signal.c"
#undef pthread_cond_signal
#include "take_turns.h"

int pthread_cond_signal(pthread_cond_t *condition)
{
	__take_turns();
	return __pthread_cond_signal_at_once(condition);
}
