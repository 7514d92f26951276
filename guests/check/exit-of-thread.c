// SYS_exit ends one thread, SYS_exit_group all of them; the main thread may leave first.
// covers: exit exit_group
#include "check.h"
#include <pthread.h>

static void *last(void *argument)
{
	sleep_ms(15);
	printf("the last thread\n");
	return argument;
}

static void *ends_all(void *argument)
{
	sleep_ms(5);
	_exit(12);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t thread;
	pid_t child = fork();
	if (child == 0) {
		pthread_create(&thread, NULL, last, NULL);
		pthread_exit(NULL);
	}
	reap("left by its main thread", child);
	child = fork();
	if (child == 0) {
		pthread_create(&thread, NULL, ends_all, NULL);
		for (;;)
			pause();
	}
	reap("ended by a thread", child);
	return 0;
}
