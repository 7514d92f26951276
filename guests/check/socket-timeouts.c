// SO_RCVTIMEO bounds how long a read waits, SO_SNDTIMEO a write; they read back.
// covers: setsockopt getsockopt recvfrom sendto
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char bytes[1 << 16];
	int pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	struct timeval tv = { 0, 20000 };
	SAY(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	SAY(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	tv.tv_usec = 0;
	socklen_t length = sizeof tv;
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &length));
	HOLDS(tv.tv_usec >= 20000 && tv.tv_usec < 30000);
	long before = now_ms();
	SAY(recv(pair[0], bytes, 1, 0));
	HOLDS(now_ms() - before >= 15);
	SAY(read(pair[0], bytes, 1));
	while (send(pair[0], bytes, sizeof bytes, 0) > 0)
		;
	printf("then %s\n", errno_name(errno));
	tv = (struct timeval){ 0, 1000000 };
	SAY(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	int ends[2];
	tcp_pair(ends);
	tv = (struct timeval){ 0, 20000 };
	SAY(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	SAY(recv(ends[0], bytes, 1, 0));
	int listener = listen_loopback();
	SAY(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	SAY(accept(listener, NULL, NULL));
	return 0;
}
