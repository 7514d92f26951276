#define sem_trywait __sem_trywait_at_once
#include "../sem_trywait.c"
#undef sem_trywait
#include "take_turns.h"

int sem_trywait(sem_t *semaphore)
{
	__take_turns();
	return __sem_trywait_at_once(semaphore);
}
