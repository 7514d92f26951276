// sendmmsg sends several messages, recvmmsg takes as many as there are, each with its length.
// covers: sendmmsg recvmmsg
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int pair[2];
	char buffers[4][8];
	struct iovec out[3] = { { "one", 3 }, { "three", 5 }, { "", 0 } }, in[4];
	struct mmsghdr sent[3], received[4];
	struct timespec no_time = { 0, 0 };
	memset(sent, 0, sizeof sent);
	memset(received, 0, sizeof received);
	for (int i = 0; i < 3; i++) {
		sent[i].msg_hdr.msg_iov = &out[i];
		sent[i].msg_hdr.msg_iovlen = 1;
	}
	for (int i = 0; i < 4; i++) {
		in[i] = (struct iovec){ buffers[i], i == 1 ? 2 : 8 };
		received[i].msg_hdr.msg_iov = &in[i];
		received[i].msg_hdr.msg_iovlen = 1;
	}
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	SAY(sendmmsg(pair[0], sent, 3, 0));
	printf("%d %d %d\n", sent[0].msg_len, sent[1].msg_len, sent[2].msg_len);
	SAY(recvmmsg(pair[1], received, 4, MSG_DONTWAIT, NULL));
	for (int i = 0; i < 3; i++)
		printf("%d bytes, cut %d\n", received[i].msg_len, (received[i].msg_hdr.msg_flags & MSG_TRUNC) != 0);
	SAY(recvmmsg(pair[1], received, 4, MSG_DONTWAIT, NULL));
	SAY(sendmmsg(pair[0], sent, 1, 0));
	SAY(recvmmsg(pair[1], received, 4, MSG_WAITFORONE, NULL));
	SAY(sendmmsg(pair[0], sent, 0, 0));
	SAY(sendmmsg(99, sent, 1, 0));
	SAY(recvmmsg(99, received, 1, 0, &no_time));
	return 0;
}
