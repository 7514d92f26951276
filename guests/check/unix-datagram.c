// Unix datagrams keep their borders and tell their sender's name; nobody there is an error.
// covers: socket bind sendto recvfrom socketpair
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	struct sockaddr_un one = unix_address("one"), two = unix_address("two"), from;
	socklen_t length = sizeof from;
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2];
	SAY(bind(a, (struct sockaddr *)&one, sizeof one));
	SAY(bind(b, (struct sockaddr *)&two, sizeof two));
	SAY(sendto(a, "hello", 5, 0, (struct sockaddr *)&two, sizeof two));
	SAY(sendto(a, "again", 5, 0, (struct sockaddr *)&two, sizeof two));
	SAY(recvfrom(b, text, 16, 0, (struct sockaddr *)&from, &length));
	printf("from %s\n", from.sun_path);
	SAY(recv(b, text, 2, 0));
	SAY(recv(b, text, 2, MSG_DONTWAIT));
	SAY(connect(a, (struct sockaddr *)&two, sizeof two));
	SAY(send(a, "x", 1, 0));
	SAY(recv(b, text, 16, 0));
	close(b);
	SAY(send(a, "x", 1, 0));
	unlink("two");
	SAY(sendto(a, "x", 1, 0, (struct sockaddr *)&two, sizeof two));
	SAY(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	SAY(send(pair[0], "pair", 4, 0));
	SAY(send(pair[0], "", 0, 0));
	SAY(recv(pair[1], text, 16, 0));
	SAY(recv(pair[1], text, 16, 0));
	return 0;
}
