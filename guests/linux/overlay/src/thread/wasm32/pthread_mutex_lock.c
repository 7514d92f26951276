/*
 * Threads take turns at system calls, and locking a mutex that is free needs none: one that locks and unlocks until another thread
 * has done something would wait for ever. So it yields now and then.
 */
#include "pthread_impl.h"

#define LOCKS_PER_TURN 1024

int __pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static unsigned locks;
	if (++locks % LOCKS_PER_TURN == 0) __syscall(SYS_sched_yield);
	if ((mutex->_m_type & 15) == PTHREAD_MUTEX_NORMAL && !a_cas(&mutex->_m_lock, 0, EBUSY)) return 0;
	return __pthread_mutex_timedlock(mutex, 0);
}

weak_alias(__pthread_mutex_lock, pthread_mutex_lock);
