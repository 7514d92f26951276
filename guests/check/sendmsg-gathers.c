// sendmsg gathers pieces into one message, recvmsg scatters it, both with addresses, and tell what was cut off.
// covers: sendmsg recvmsg
#include "net.h"

RAW3(sendmsg)
RAW3(recvmsg)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char a[4], b[8];
	struct sockaddr_in to, from;
	int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0), ends[2];
	bind_loopback(one, 0);
	bind_loopback(two, 0);
	to = loopback(port_of(two));
	struct iovec out[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } }, in[2] = { { a, 4 }, { b, 8 } };
	struct msghdr send = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = out, .msg_iovlen = 3 };
	struct msghdr receive = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = in, .msg_iovlen = 2 };
	SAY(raw_sendmsg(one, P(&send), 0));
	SAY(raw_recvmsg(two, P(&receive), 0));
	printf("%.4s %.4s, name of %d bytes\n", a, b, (int)receive.msg_namelen);
	HOLDS(ntohs(from.sin_port) == port_of(one));
	HOLDS(receive.msg_flags == 0);
	SAY(raw_sendmsg(one, P(&send), 0));
	receive.msg_iovlen = 1;
	receive.msg_namelen = 4;
	SAY(raw_recvmsg(two, P(&receive), 0));
	printf("name of %d bytes\n", (int)receive.msg_namelen);
	HOLDS(receive.msg_flags == MSG_TRUNC);
	SAY(raw_recvmsg(two, P(&receive), MSG_DONTWAIT));
	tcp_pair(ends);
	send.msg_name = NULL;
	send.msg_namelen = 0;
	SAY(raw_sendmsg(ends[0], P(&send), 0));
	receive.msg_iovlen = 2;
	SAY(raw_recvmsg(ends[1], P(&receive), MSG_PEEK));
	SAY(raw_recvmsg(ends[1], P(&receive), MSG_WAITALL & 0));
	printf("%.4s %.4s\n", a, b);
	send.msg_iovlen = 1025;
	SAY(raw_sendmsg(ends[0], P(&send), 0));
	send.msg_iovlen = 0;
	SAY(raw_sendmsg(ends[0], P(&send), 0));
	SAY(raw_sendmsg(99, P(&send), 0));
	SAY(raw_sendmsg(make_file("file", ""), P(&send), 0));
	SAY(raw_recvmsg(99, P(&receive), 0));
	SAY(raw_sendmsg(ends[0], P(NOWHERE), 0));
	SAY(raw_recvmsg(ends[0], P(NOWHERE), 0));
	return 0;
}
