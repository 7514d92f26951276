/* There is one processor: whoever has the lock runs only if the others let it. */
#include "pthread_impl.h"

int pthread_spin_lock(pthread_spinlock_t *lock)
{
	while (*(volatile int *)lock || a_cas((volatile int *)lock, 0, EBUSY)) __syscall(SYS_sched_yield);
	return 0;
}
