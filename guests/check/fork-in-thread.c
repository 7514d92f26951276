// A child of a threaded process has one thread, the one that forked, with its stack and its thread-local variables.
// covers: fork wait4 gettid getpid
#include "check.h"
#include <pthread.h>

RAW0(gettid)

static _Thread_local int local = 1;
static volatile int counter;

static void *spin(void *argument)
{
	for (;;) {
		counter++;
		sleep_ms(1);
	}
	return argument;
}

static void *forker(void *argument)
{
	int stack = 5;
	local = 42;
	pid_t child = fork();
	if (child == 0) {
		printf("in the child: local %d, stack %d\n", local, stack);
		HOLDS(raw_gettid() == getpid());
		int before = counter;
		sleep_ms(10);
		HOLDS(counter == before);
		_exit(6);
	}
	reap("child", child);
	HOLDS(raw_gettid() != getpid());
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t spinner, thread;
	pthread_create(&spinner, NULL, spin, NULL);
	pthread_create(&thread, NULL, forker, NULL);
	SAY_ERROR(pthread_join(thread, NULL));
	return 0;
}
