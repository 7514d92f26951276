#include "pthread_impl.h"
#include "take_turns.h"

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	__take_turns();
	return a_cas(lock, 0, EBUSY);
}
