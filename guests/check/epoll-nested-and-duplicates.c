// An epoll in an epoll is ready when something in it is; a watch belongs to the open file and ends with its last descriptor.
// covers: epoll_create1 epoll_ctl epoll_pwait dup close
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>

static int change(int epoll, int operation, int fd, uint64_t data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };
	return epoll_ctl(epoll, operation, fd, &event);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct epoll_event events[4];
	int ends[2], inner = epoll_create1(0), outer = epoll_create1(0);
	pipe(ends);
	SAY(change(inner, EPOLL_CTL_ADD, ends[0], 1));
	SAY(change(outer, EPOLL_CTL_ADD, inner, 2));
	SAY(change(inner, EPOLL_CTL_ADD, outer, 3));
	SAY(epoll_wait(outer, events, 4, 0));
	write(ends[1], "x", 1);
	SAY(epoll_wait(outer, events, 4, 0));
	printf("data %d\n", (int)events[0].data.u64);
	struct pollfd p = { inner, POLLIN, 0 };
	SAY(poll(&p, 1, 0));
	int copy = dup(ends[0]);
	SAY(change(inner, EPOLL_CTL_ADD, copy, 4));
	SAY(epoll_wait(inner, events, 4, 0));
	SAY(change(inner, EPOLL_CTL_DEL, copy, 0));
	close(ends[0]);
	SAY(epoll_wait(inner, events, 4, 0));
	printf("data %d\n", (int)events[0].data.u64);
	close(copy);
	SAY(epoll_wait(inner, events, 4, 0));
	SAY(epoll_wait(outer, events, 4, 0));
	for (int i = 0; i < 3; i++) {
		int more[2];
		pipe(more);
		write(more[1], "x", 1);
		change(inner, EPOLL_CTL_ADD, more[0], (uint64_t)i);
	}
	SAY(epoll_wait(inner, events, 2, 0));
	int first = (int)events[0].data.u64;
	SAY(epoll_wait(inner, events, 2, 0));
	HOLDS(events[0].data.u64 != (uint64_t)first);
	return 0;
}
