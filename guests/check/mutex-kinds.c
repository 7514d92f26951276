// The three kinds of mutex: a normal one is just locked, a recursive one counts, an error-checking one says so.
// covers: futex
#include "check.h"
#include <pthread.h>

static pthread_mutex_t mutex;

static void *try(void *argument)
{
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	return argument;
}

static void from_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, try, NULL);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_mutexattr_t attributes;
	int kind = -1;
	pthread_mutexattr_init(&attributes);
	SAY_ERROR(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
	SAY_ERROR(pthread_mutexattr_gettype(&attributes, &kind));
	HOLDS(kind == PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&mutex, &attributes);
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	from_thread();
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	from_thread();
	SAY_ERROR(pthread_mutex_destroy(&mutex));

	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex, &attributes);
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	from_thread();
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	pthread_mutex_destroy(&mutex);

	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL);
	pthread_mutex_init(&mutex, &attributes);
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 20000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	long before = now_ms();
	SAY_ERROR(pthread_mutex_timedlock(&mutex, &until));
	HOLDS(now_ms() - before >= 18);
	SAY_ERROR(pthread_mutex_timedlock(&mutex, &until));
	until.tv_nsec = -1;
	SAY_ERROR(pthread_mutex_timedlock(&mutex, &until));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutexattr_settype(&attributes, 99));
	return 0;
}
