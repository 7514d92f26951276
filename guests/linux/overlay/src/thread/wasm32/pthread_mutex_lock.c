#include "pthread_impl.h"
#include "take_turns.h"

int __pthread_mutex_lock(pthread_mutex_t *mutex)
{
	__take_turns();
	if ((mutex->_m_type & 15) == PTHREAD_MUTEX_NORMAL && !a_cas(&mutex->_m_lock, 0, EBUSY)) return 0;
	return __pthread_mutex_timedlock(mutex, 0);
}

weak_alias(__pthread_mutex_lock, pthread_mutex_lock);
