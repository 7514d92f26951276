// A robust mutex whose owner died tells the next one, which makes it consistent or leaves it unusable.
// covers: set_robust_list futex
#include "check.h"
#include <pthread.h>

static pthread_mutex_t mutex;
static volatile int held;

static void *dies(void *argument)
{
	pthread_mutex_lock(&mutex);
	return argument;
}

static void let_one_die(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, dies, NULL);
	pthread_join(thread, NULL);
}

static void *waits(void *argument)
{
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_consistent(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	return argument;
}

static void *holds_then_dies(void *argument)
{
	pthread_mutex_lock(&mutex);
	held = 1;
	sleep_ms(20);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t holder, waiter;
	pthread_mutexattr_t attributes;
	int robust = -1;
	pthread_mutexattr_init(&attributes);
	SAY_ERROR(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
	SAY_ERROR(pthread_mutexattr_getrobust(&attributes, &robust));
	HOLDS(robust == PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attributes);
	let_one_die();
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_consistent(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_consistent(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	pthread_create(&holder, NULL, holds_then_dies, NULL);
	while (!held)
		sleep_ms(1);
	pthread_create(&waiter, NULL, waits, NULL);
	pthread_join(holder, NULL);
	pthread_join(waiter, NULL);
	let_one_die();
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	SAY_ERROR(pthread_mutex_unlock(&mutex));
	SAY_ERROR(pthread_mutex_lock(&mutex));
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	return 0;
}
