// A thread that locks, signals, asks and tries until another one has done something does not keep that one from doing it.
// covers: sched_yield futex
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t semaphore;
static int done;

static void *worker(void *argument)
{
	pthread_mutex_lock(&mutex);
	done = 1;
	pthread_mutex_unlock(&mutex);
	sem_post(&semaphore);
	return argument;
}

static void *spinner(void *argument)
{
	pthread_spin_lock(&spin);
	pthread_spin_unlock(&spin);
	return argument;
}

static int is_done(void)
{
	pthread_mutex_lock(&mutex);
	int now = done;
	pthread_mutex_unlock(&mutex);
	return now;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t thread;
	int value;
	sem_init(&semaphore, 0, 0);
	pthread_create(&thread, NULL, worker, NULL);
	while (!is_done())
		;
	printf("locked until it was done\n");
	while (sem_trywait(&semaphore) != 0)
		;
	pthread_join(thread, NULL);
	printf("tried until it was posted\n");
	pthread_create(&thread, NULL, worker, NULL);
	do
		sem_getvalue(&semaphore, &value);
	while (value == 0);
	pthread_join(thread, NULL);
	printf("asked until it was posted\n");
	done = 0;
	pthread_create(&thread, NULL, worker, NULL);
	while (!*(volatile int *)&done)
		pthread_cond_broadcast(&condition);
	pthread_join(thread, NULL);
	printf("signalled until it was done\n");
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_lock(&spin);
	pthread_create(&thread, NULL, spinner, NULL);
	sleep_ms(20);
	pthread_spin_unlock(&spin);
	pthread_join(thread, NULL);
	printf("spun until it was free\n");
	return 0;
}
