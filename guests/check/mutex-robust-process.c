// A process that dies with a robust, shared mutex leaves it to the next one.
// covers: set_robust_list futex fork mmap
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_mutexattr_t attributes;
	pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&attributes);
	SAY_ERROR(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	SAY_ERROR(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	SAY_ERROR(pthread_mutex_init(mutex, &attributes));
	pid_t child = fork();
	if (child == 0) {
		SAY_ERROR(pthread_mutex_lock(mutex));
		_exit(0);
	}
	reap("child", child);
	SAY_ERROR(pthread_mutex_lock(mutex));
	SAY_ERROR(pthread_mutex_consistent(mutex));
	SAY_ERROR(pthread_mutex_unlock(mutex));
	child = fork();
	if (child == 0) {
		SAY_ERROR(pthread_mutex_lock(mutex));
		kill(getpid(), SIGKILL);
	}
	reap("child", child);
	SAY_ERROR(pthread_mutex_lock(mutex));
	return 0;
}
