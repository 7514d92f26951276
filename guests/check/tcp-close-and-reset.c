// Half-closed connections, the end of the stream, and what writing into a closed one gives.
// covers: shutdown read write poll
#include "net.h"
#include <poll.h>

RAW2(shutdown)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	int ends[2];
	signal(SIGPIPE, SIG_IGN);
	tcp_pair(ends);
	SAY(write(ends[0], "last", 4));
	SAY(raw_shutdown(ends[0], SHUT_WR));
	SAY(write(ends[0], "x", 1));
	SAY(read(ends[1], text, 16));
	SAY(read(ends[1], text, 16));
	SAY(write(ends[1], "answer", 6));
	SAY(read(ends[0], text, 16));
	SAY(close(ends[1]));
	SAY(read(ends[0], text, 16));
	SAY(raw_shutdown(ends[0], SHUT_RDWR));
	SAY(raw_shutdown(ends[0], 7));

	tcp_pair(ends);
	close(ends[1]);
	struct pollfd p = { ends[0], POLLIN, 0 };
	SAY(poll(&p, 1, 2000));
	SAY(read(ends[0], text, 16));
	// The first one may still be taken: whether the other end is gone shows only by its answer.
	write(ends[0], "a", 1);
	sleep_ms(30);
	SAY(write(ends[0], "b", 1));

	tcp_pair(ends);
	SAY(write(ends[0], "unread", 6));
	sleep_ms(10);
	close(ends[1]);
	sleep_ms(10);
	SAY(read(ends[0], text, 16));

	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(raw_shutdown(fd, SHUT_RD));
	SAY(raw_shutdown(99, SHUT_RD));
	SAY(read(socket(AF_INET, SOCK_STREAM, 0), text, 1));
	SAY(send(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_NOSIGNAL));
	return 0;
}
