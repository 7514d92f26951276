// set_tid_address answers the thread's id, which is the process' for its first thread.
// covers: set_tid_address gettid getpid
#include "check.h"
#include <pthread.h>

RAW0(gettid)
RAW0(getpid)
RAW1(set_tid_address)

static volatile long seen;

static void *other(void *argument)
{
	seen = raw_gettid();
	HOLDS(raw_getpid() == getpid());
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static int cleared = 5;
	pthread_t thread;
	HOLDS(raw_gettid() == raw_getpid());
	pthread_create(&thread, NULL, other, NULL);
	pthread_join(thread, NULL);
	HOLDS(seen != 0 && seen != raw_gettid());
	pid_t child = fork();
	if (child == 0) {
		HOLDS(raw_set_tid_address(P(&cleared)) == raw_gettid());
		_exit(0);
	}
	reap("child", child);
	return 0;
}
