// What poll reports of pipes, files, closed ends and descriptors that are none.
// covers: poll
#include "check.h"
#include <poll.h>
#include <sys/socket.h>

RAW3(poll)

static void show(const char *what, int fd, short events)
{
	struct pollfd p = { fd, events, 0x7777 };
	long result = raw_poll(P(&p), 1, 0);
	printf("%s: %ld%s%s%s%s%s%s\n", what, result, p.revents & POLLIN ? " IN" : "", p.revents & POLLOUT ? " OUT" : "",
	       p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "", p.revents & POLLNVAL ? " NVAL" : "",
	       p.revents & POLLRDHUP ? " RDHUP" : "");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char bytes[70000];
	short all = POLLIN | POLLOUT | POLLRDHUP;
	int ends[2], pair[2], fd = make_file("file", "");
	pipe2(ends, O_NONBLOCK);
	show("reader of an empty pipe", ends[0], all);
	show("writer of an empty pipe", ends[1], all);
	write(ends[1], bytes, sizeof bytes);
	show("reader of a full pipe", ends[0], all);
	show("writer of a full pipe", ends[1], all);
	show("asked for nothing", ends[0], 0);
	close(ends[1]);
	show("reader without writer, bytes left", ends[0], all);
	read(ends[0], bytes, sizeof bytes);
	show("reader without writer", ends[0], all);
	show("the same, asked for nothing", ends[0], 0);
	pipe(ends);
	close(ends[0]);
	show("writer without reader", ends[1], all);
	show("file", fd, all);
	show("closed", 99, all);
	show("negative", -1, all);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	show("socket", pair[0], all);
	shutdown(pair[1], SHUT_WR);
	show("socket whose peer sends no more", pair[0], all);
	close(pair[1]);
	show("socket without peer", pair[0], all);
	struct pollfd two[2] = { { 99, POLLIN, 0 }, { fd, POLLIN, 0 } };
	SAY(raw_poll(P(two), 2, 1000));
	SAY(raw_poll(P(NOWHERE), 1, 0));
	SAY(raw_poll(P(two), 1 << 30, 0));
	SAY(raw_poll(0, 0, 0));
	return 0;
}
