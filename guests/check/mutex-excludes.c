// What is done under a mutex is not disturbed by other threads, whoever waits for it gets it.
// covers: futex sched_yield
#include "check.h"
#include <pthread.h>
#include <sched.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static int counter, inside, spun;

static void *work(void *argument)
{
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&mutex);
		if (inside++)
			printf("two inside\n");
		int seen = counter;
		if (i % 100 == 0)
			sched_yield();
		counter = seen + 1;
		inside--;
		pthread_mutex_unlock(&mutex);
		pthread_spin_lock(&spin);
		spun++;
		pthread_spin_unlock(&spin);
	}
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[8];
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	printf("%d %d\n", counter, spun);
	SAY_ERROR(pthread_spin_trylock(&spin));
	SAY_ERROR(pthread_spin_trylock(&spin));
	return 0;
}
