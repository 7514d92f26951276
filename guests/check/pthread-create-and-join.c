// Threads share memory and descriptors, return a value to whoever joins, and can be many.
// covers: futex gettid exit
#include "check.h"
#include <pthread.h>

static int fd;
static _Thread_local int local = 100;

static void *work(void *number)
{
	int n = (int)(intptr_t)number;
	local += n;
	sched_yield();
	if (n == 3)
		write(fd, "third", 5);
	if (n % 2)
		pthread_exit((void *)(intptr_t)(local * 10));
	return (void *)(intptr_t)local;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[50];
	long sum = 0;
	fd = make_file("file", "");
	for (long i = 0; i < 50; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
			printf("no thread %ld\n", i);
	for (int i = 0; i < 50; i++) {
		void *value;
		if (pthread_join(threads[i], &value) != 0)
			printf("cannot join %d\n", i);
		sum += (long)(intptr_t)value;
	}
	printf("sum %ld, mine %d\n", sum, local);
	show_file("file");
	HOLDS(pthread_equal(pthread_self(), pthread_self()));
	for (int i = 0; i < 500; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, work, NULL) != 0 || pthread_join(thread, NULL) != 0) {
			printf("thread %d failed\n", i);
			break;
		}
	}
	return 0;
}
