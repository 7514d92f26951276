// MSG_PEEK leaves the bytes, MSG_DONTWAIT does not wait, MSG_WAITALL waits for all of them, MSG_NOSIGNAL keeps SIGPIPE away.
// covers: sendto recvfrom
#include "net.h"
#include <pthread.h>

static int ends[2];

static void *late(void *argument)
{
	send(ends[0], "abc", 3, 0);
	sleep_ms(15);
	send(ends[0], "def", 3, 0);
	sleep_ms(15);
	send(ends[0], "ghi", 3, 0);
	shutdown(ends[0], SHUT_WR);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	pthread_t thread;
	tcp_pair(ends);
	SAY(recv(ends[1], text, 4, MSG_DONTWAIT));
	SAY(recv(ends[1], text, 4, MSG_DONTWAIT | MSG_PEEK));
	send(ends[0], "peeked", 6, 0);
	SAY(recv(ends[1], text, 3, MSG_PEEK));
	SAY(recv(ends[1], text, 16, MSG_PEEK));
	SAY(recv(ends[1], text, 16, 0));
	pthread_create(&thread, NULL, late, NULL);
	SAY(recv(ends[1], text, 6, MSG_WAITALL));
	printf("%.6s\n", text);
	SAY(recv(ends[1], text, 16, MSG_WAITALL));
	printf("%.3s\n", text);
	pthread_join(thread, NULL);
	SAY(recv(ends[1], text, 16, MSG_WAITALL));
	close(ends[1]);
	sleep_ms(5);
	SAY(send(ends[0], "x", 1, MSG_NOSIGNAL));
	int pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	close(pair[1]);
	SAY(send(pair[0], "x", 1, MSG_NOSIGNAL));
	return 0;
}
