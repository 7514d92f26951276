// A cancelled thread ends at its next cancellation point, runs its clean-up handlers, and is joined as cancelled.
// covers: futex tkill rt_sigprocmask
#include "check.h"
#include <pthread.h>

static int ends[2];
static volatile int started, still_here, before_point;

static void clean(void *text)
{
	printf("clean up %s\n", (char *)text);
}

static void *blocked_in_read(void *argument)
{
	char byte;
	pthread_cleanup_push(clean, "outer");
	pthread_cleanup_push(clean, "inner");
	started = 1;
	read(ends[0], &byte, 1);
	printf("not reached\n");
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return argument;
}

static void *disabled(void *argument)
{
	int old;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	started = 1;
	while (started != 2)
		sleep_ms(1);
	still_here = 1;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	for (volatile int i = 0; i < 1000; i++)
		;
	before_point = 1;
	pthread_testcancel();
	printf("not reached\n");
	return argument;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void unlock(void *argument)
{
	printf("in the handler trylock says %s\n", errno_name(pthread_mutex_trylock(&mutex)));
	pthread_mutex_unlock(&mutex);
	(void)argument;
}

static void *blocked_in_condition(void *argument)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, NULL);
	started = 1;
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(0);
	return argument;
}

static void run(void *(*function)(void *), const char *name)
{
	pthread_t thread;
	void *value;
	started = 0;
	pthread_create(&thread, NULL, function, NULL);
	while (!started)
		sleep_ms(1);
	sleep_ms(5);
	int error = pthread_cancel(thread);
	started = 2;
	pthread_join(thread, &value);
	say_error(name, error);
	HOLDS(value == PTHREAD_CANCELED);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pipe(ends);
	run(blocked_in_read, "in read");
	run(disabled, "disabled");
	printf("still here %d, before the point %d\n", still_here, before_point);
	run(blocked_in_condition, "in a condition");
	SAY_ERROR(pthread_mutex_trylock(&mutex));
	return 0;
}
