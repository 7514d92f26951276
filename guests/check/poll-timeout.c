// poll, ppoll, select, pselect and epoll_wait wait as long as they were told, not less, and wake for what comes in between.
// covers: poll ppoll select pselect6 epoll_pwait
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int ends[2], epoll;

#define TIMED(call) do { \
	long before = now_ms(), result = (call); \
	printf("%s: %ld, waited: %s\n", #call, result, now_ms() - before >= 24 ? "yes" : "no"); \
} while (0)

static void *writer(void *argument)
{
	sleep_ms(30);
	write(ends[1], "x", 1);
	return argument;
}

static fd_set *reading(void)
{
	static fd_set set;
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return &set;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pipe(ends);
	struct pollfd p = { ends[0], POLLIN, 0 };
	struct timespec ts = { 0, 25000000 }, no_time = { 0, 0 };
	struct timeval tv = { 0, 25000 }, zero = { 0, 0 };
	struct epoll_event event = { .events = EPOLLIN };
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
	TIMED(poll(&p, 1, 0));
	TIMED(poll(&p, 1, 25));
	TIMED(poll(NULL, 0, 25));
	TIMED(ppoll(&p, 1, &ts, NULL));
	TIMED(ppoll(&p, 1, &no_time, NULL));
	TIMED(select(ends[0] + 1, reading(), NULL, NULL, &tv));
	TIMED(select(ends[0] + 1, reading(), NULL, NULL, &zero));
	TIMED(pselect(ends[0] + 1, reading(), NULL, NULL, &ts, NULL));
	TIMED(epoll_wait(epoll, &event, 1, 25));
	TIMED(epoll_wait(epoll, &event, 1, 0));
	for (int i = 0; i < 4; i++) {
		pthread_t thread;
		char byte;
		pthread_create(&thread, NULL, writer, NULL);
		if (i == 0)
			TIMED(poll(&p, 1, -1));
		else if (i == 1)
			TIMED(select(ends[0] + 1, reading(), NULL, NULL, NULL));
		else if (i == 2)
			TIMED(epoll_wait(epoll, &event, 1, -1));
		else
			TIMED(ppoll(&p, 1, NULL, NULL));
		pthread_join(thread, NULL);
		read(ends[0], &byte, 1);
	}
	return 0;
}
