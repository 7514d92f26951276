// Level-triggered readiness is told until it is gone, edge-triggered once for each arrival, one-shot once until armed again.
// covers: epoll_create1 epoll_ctl epoll_pwait
#include "check.h"
#include <sys/epoll.h>

static int epoll;

static void show(const char *what)
{
	struct epoll_event events[4];
	int count = epoll_wait(epoll, events, 4, 0);
	printf("%s: %d", what, count);
	for (int i = 0; i < count; i++)
		printf(", %s%s%sof %d", events[i].events & EPOLLIN ? "IN " : "", events[i].events & EPOLLOUT ? "OUT " : "",
		       events[i].events & EPOLLHUP ? "HUP " : "", (int)events[i].data.u64);
	printf("\n");
}

static int change(int operation, int fd, uint32_t wanted, uint64_t data)
{
	struct epoll_event event = { .events = wanted, .data.u64 = data };
	return epoll_ctl(epoll, operation, fd, &event);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte[8];
	int level[2], edge[2], once[2];
	epoll = epoll_create1(0);
	pipe(level);
	pipe2(edge, O_NONBLOCK);
	pipe(once);
	SAY(change(EPOLL_CTL_ADD, level[0], EPOLLIN, 1));
	show("nothing yet");
	write(level[1], "ab", 2);
	show("bytes");
	read(level[0], byte, 1);
	show("one left");
	read(level[0], byte, 1);
	show("read out");
	SAY(change(EPOLL_CTL_ADD, edge[0], EPOLLIN | EPOLLET, 2));
	write(edge[1], "ab", 2);
	show("edge");
	show("edge again");
	write(edge[1], "c", 1);
	show("more bytes");
	read(edge[0], byte, 1);
	show("one read");
	SAY(change(EPOLL_CTL_MOD, edge[0], EPOLLIN | EPOLLET, 2));
	show("changed");
	read(edge[0], byte, 8);
	SAY(change(EPOLL_CTL_ADD, once[0], EPOLLIN | EPOLLONESHOT, 3));
	write(once[1], "a", 1);
	show("once");
	show("once again");
	write(once[1], "b", 1);
	show("more bytes");
	SAY(change(EPOLL_CTL_MOD, once[0], EPOLLIN | EPOLLONESHOT, 4));
	show("armed again");
	SAY(change(EPOLL_CTL_DEL, once[0], 0, 0));
	SAY(change(EPOLL_CTL_ADD, level[1], EPOLLOUT, 5));
	show("writer");
	close(level[1]);
	show("writer closed, reader hung up");
	close(level[0]);
	show("reader closed");
	close(edge[1]);
	show("hang up");
	show("told once");
	return 0;
}
