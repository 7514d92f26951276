// epoll_create takes a size that only has to be positive; epoll_wait and epoll_pwait2 wait like epoll_pwait.
// covers: epoll_create epoll_wait epoll_pwait2 epoll_ctl
#include "check.h"
#include <sys/epoll.h>

RAW1(epoll_create)
RAW4(epoll_wait)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = 7 }, events[2];
	int ends[2];
	pipe(ends);
	SAY(raw_epoll_create(0));
	SAY(raw_epoll_create(-1));
	int epoll = OK(raw_epoll_create(1));
	SAY(fcntl(epoll, F_GETFD));
	SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
	long before = now_ms();
	SAY(raw_epoll_wait(epoll, P(events), 2, 20));
	HOLDS(now_ms() - before >= 19);
	write(ends[1], "x", 1);
	SAY(raw_epoll_wait(epoll, P(events), 2, -1));
	printf("%d\n", events[0].data.fd);
	SAY(raw_epoll_wait(epoll, P(events), 0, 0));
	SAY(raw_epoll_wait(99, P(events), 1, 0));
	SAY(raw_epoll_wait(ends[0], P(events), 1, 0));
	SAY(raw_epoll_wait(epoll, P(NOWHERE), 1, 0));
#ifdef SYS_epoll_pwait2
	struct { int64_t sec, nsec; } no_time = { 0, 0 }, bad = { 0, 1000000000 };
	SAY(syscall(SYS_epoll_pwait2, epoll, events, 2, &no_time, NULL, 8));
	SAY(syscall(SYS_epoll_pwait2, epoll, events, 2, &bad, NULL, 8));
	SAY(syscall(SYS_epoll_pwait2, epoll, events, 2, NULL, NULL, 8));
#endif
	return 0;
}
