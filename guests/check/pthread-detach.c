// A detached thread cleans up after itself, and the process waits for none when it exits.
// covers: futex exit exit_group
#include "check.h"
#include <pthread.h>

static volatile int done;

static void *work(void *argument)
{
	__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
	return argument;
}

static void *forever(void *argument)
{
	for (;;)
		sleep_ms(1000);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t thread;
	pthread_attr_t attributes;
	int state;
	pthread_attr_init(&attributes);
	SAY_ERROR(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
	SAY_ERROR(pthread_attr_getdetachstate(&attributes, &state));
	HOLDS(state == PTHREAD_CREATE_DETACHED);
	SAY_ERROR(pthread_create(&thread, &attributes, work, NULL));
	SAY_ERROR(pthread_create(&thread, NULL, work, NULL));
	SAY_ERROR(pthread_detach(thread));
	for (int i = 0; i < 300; i++) {
		pthread_create(&thread, &attributes, work, NULL);
		if (i % 50 == 0)
			sleep_ms(1);
	}
	while (done < 302)
		sleep_ms(1);
	printf("done %d\n", done);
	SAY_ERROR(pthread_create(&thread, NULL, forever, NULL));
	sleep_ms(2);
	return 4;
}
