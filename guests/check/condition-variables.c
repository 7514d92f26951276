// Signal wakes one waiter, broadcast all; a timed wait ends at its time, by the clock it was given; the mutex is held again.
// covers: futex
#include "check.h"
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int waiting, tokens, awake;

static void *waiter(void *argument)
{
	pthread_mutex_lock(&mutex);
	waiting++;
	while (tokens == 0)
		pthread_cond_wait(&cond, &mutex);
	tokens--;
	awake++;
	pthread_mutex_unlock(&mutex);
	return argument;
}

static void show(int expected)
{
	for (int i = 0; i < 2000 && __atomic_load_n(&awake, __ATOMIC_SEQ_CST) < expected; i++)
		sleep_ms(1);
	sleep_ms(5);
	pthread_mutex_lock(&mutex);
	printf("awake %d\n", awake);
	pthread_mutex_unlock(&mutex);
}

static void timed(clockid_t clock)
{
	pthread_condattr_t attributes;
	pthread_cond_t other;
	struct timespec until;
	pthread_condattr_init(&attributes);
	SAY_ERROR(pthread_condattr_setclock(&attributes, clock));
	pthread_cond_init(&other, &attributes);
	clock_gettime(clock, &until);
	until.tv_nsec += 20000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	long before = now_ms();
	pthread_mutex_lock(&mutex);
	SAY_ERROR(pthread_cond_timedwait(&other, &mutex, &until));
	HOLDS(now_ms() - before >= 18);
	SAY_ERROR(pthread_cond_timedwait(&other, &mutex, &until));
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	pthread_mutex_unlock(&mutex);
	SAY_ERROR(pthread_cond_destroy(&other));
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[5];
	SAY_ERROR(pthread_cond_signal(&cond));
	for (int i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, waiter, NULL);
	while (waiting < 5)
		sleep_ms(1);
	pthread_mutex_lock(&mutex);
	tokens = 1;
	SAY_ERROR(pthread_cond_signal(&cond));
	pthread_mutex_unlock(&mutex);
	show(1);
	pthread_mutex_lock(&mutex);
	tokens = 4;
	SAY_ERROR(pthread_cond_broadcast(&cond));
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	show(5);
	timed(CLOCK_REALTIME);
	timed(CLOCK_MONOTONIC);
	return 0;
}
