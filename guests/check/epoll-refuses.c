// What the epoll calls refuse.
// covers: epoll_create1 epoll_ctl epoll_pwait
#include "check.h"
#include <sys/epoll.h>

RAW1(epoll_create1)
RAW4(epoll_ctl)
RAW6(epoll_pwait)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct epoll_event event = { .events = EPOLLIN }, events[2];
	int ends[2], file = make_file("file", "");
	pipe(ends);
	int epoll = OK(raw_epoll_create1(0));
	SAY(raw_epoll_create1(0x1234));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_MOD, ends[1], P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_DEL, ends[1], P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_ADD, 99, P(&event)));
	SAY(raw_epoll_ctl(99, EPOLL_CTL_ADD, ends[0], P(&event)));
	SAY(raw_epoll_ctl(file, EPOLL_CTL_ADD, ends[0], P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_ADD, file, P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, P(&event)));
	SAY(raw_epoll_ctl(epoll, 9, ends[0], P(&event)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], P(NOWHERE)));
	SAY(raw_epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], 0));
	SAY(raw_epoll_pwait(epoll, P(events), 0, 0, 0, 8));
	SAY(raw_epoll_pwait(epoll, P(events), -1, 0, 0, 8));
	SAY(raw_epoll_pwait(file, P(events), 1, 0, 0, 8));
	SAY(raw_epoll_pwait(99, P(events), 1, 0, 0, 8));
	SAY(raw_epoll_pwait(epoll, P(events), 1, 0, 0, 8));
	write(ends[1], "x", 1);
	raw_epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], P(&event));
	SAY(raw_epoll_pwait(epoll, P(NOWHERE), 1, 0, 0, 8));
	return 0;
}
