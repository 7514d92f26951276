// Datagrams keep their borders, tell their sender, are cut to the buffer; a connected socket hears only its peer.
// covers: socket bind sendto recvfrom recvmsg connect
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	struct sockaddr_in from, to;
	socklen_t length = sizeof from;
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	SAY(bind_loopback(a, 0));
	SAY(bind_loopback(b, 0));
	to = loopback(port_of(b));
	SAY(recvfrom(b, text, 16, 0, NULL, NULL));
	SAY(sendto(a, "first", 5, 0, (struct sockaddr *)&to, sizeof to));
	SAY(sendto(a, "", 0, 0, (struct sockaddr *)&to, sizeof to));
	SAY(sendto(a, "the third", 9, 0, (struct sockaddr *)&to, sizeof to));
	SAY(sendto(a, "the fourth", 10, 0, (struct sockaddr *)&to, sizeof to));
	SAY(recvfrom(b, text, 16, MSG_PEEK, NULL, NULL));
	SAY(recvfrom(b, text, 16, 0, (struct sockaddr *)&from, &length));
	HOLDS(ntohs(from.sin_port) == port_of(a));
	printf("%.5s, length %d\n", text, (int)length);
	SAY(recvfrom(b, text, 16, 0, NULL, NULL));
	SAY(recv(b, text, 3, 0));
	struct iovec piece = { text, 3 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	SAY(recvmsg(b, &message, 0));
	HOLDS(message.msg_flags & MSG_TRUNC);
	SAY(recv(b, text, 16, 0));
	sendto(a, "long one", 8, 0, (struct sockaddr *)&to, sizeof to);
	SAY(recv(b, text, 3, MSG_TRUNC));
	SAY(send(a, "x", 1, 0));
	SAY(connect_loopback(a, port_of(b)));
	SAY(send(a, "connected", 9, 0));
	SAY(recv(b, text, 16, 0));
	int c = socket(AF_INET, SOCK_DGRAM, 0);
	to = loopback(port_of(a));
	SAY(sendto(c, "stranger", 8, 0, (struct sockaddr *)&to, sizeof to));
	SAY(recv(a, text, 16, MSG_DONTWAIT));
	SAY(sendto(b, "peer", 4, 0, (struct sockaddr *)&to, sizeof to));
	SAY(recv(a, text, 16, MSG_DONTWAIT));
	close(b);
	SAY(send(a, "nobody", 6, 0));
	static char huge[70000];
	SAY(sendto(c, huge, sizeof huge, 0, (struct sockaddr *)&to, sizeof to));
	return 0;
}
