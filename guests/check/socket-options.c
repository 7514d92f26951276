// Options read back as they were set; unknown ones and short buffers are refused.
// covers: setsockopt getsockopt
#include "net.h"

RAW5(setsockopt)
RAW5(getsockopt)

static int value;
static socklen_t length;

static long get(int fd, int level, int name)
{
	value = -1;
	length = sizeof value;
	return raw_getsockopt(fd, level, name, P(&value), P(&length));
}

static long set(int fd, int level, int name, int number)
{
	return raw_setsockopt(fd, level, name, P(&number), sizeof number);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), listener = listen_loopback();
	int options[] = { SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST };
	for (int i = 0; i < 3; i++) {
		SAY(get(tcp, SOL_SOCKET, options[i]));
		printf("%d\n", value);
		SAY(set(tcp, SOL_SOCKET, options[i], 1));
		SAY(get(tcp, SOL_SOCKET, options[i]));
		printf("%d\n", value);
	}
	SAY(get(tcp, SOL_SOCKET, SO_TYPE));
	printf("%d\n", value);
	SAY(get(udp, SOL_SOCKET, SO_TYPE));
	printf("%d\n", value);
	SAY(get(tcp, SOL_SOCKET, SO_ACCEPTCONN));
	printf("%d\n", value);
	SAY(get(listener, SOL_SOCKET, SO_ACCEPTCONN));
	printf("%d\n", value);
	SAY(get(tcp, SOL_SOCKET, SO_ERROR));
	printf("%d\n", value);
	SAY(get(tcp, SOL_SOCKET, SO_DOMAIN));
	printf("%d\n", value);
	SAY(get(udp, SOL_SOCKET, SO_PROTOCOL));
	printf("%d\n", value);
	SAY(set(tcp, SOL_SOCKET, SO_TYPE, 1));
	SAY(set(tcp, SOL_SOCKET, SO_RCVBUF, 20000));
	SAY(get(tcp, SOL_SOCKET, SO_RCVBUF));
	HOLDS(value >= 20000);
	SAY(set(tcp, SOL_SOCKET, SO_SNDBUF, 20000));
	SAY(get(tcp, IPPROTO_TCP, TCP_NODELAY));
	printf("%d\n", value);
	SAY(set(tcp, IPPROTO_TCP, TCP_NODELAY, 1));
	SAY(get(tcp, IPPROTO_TCP, TCP_NODELAY));
	printf("%d\n", value);
	SAY(set(tcp, IPPROTO_TCP, TCP_KEEPIDLE, 77));
	SAY(get(tcp, IPPROTO_TCP, TCP_KEEPIDLE));
	printf("%d\n", value);
	struct linger linger = { 1, 3 };
	SAY(raw_setsockopt(tcp, SOL_SOCKET, SO_LINGER, P(&linger), sizeof linger));
	linger = (struct linger){ 0, 0 };
	length = sizeof linger;
	SAY(raw_getsockopt(tcp, SOL_SOCKET, SO_LINGER, P(&linger), P(&length)));
	printf("%d %d\n", linger.l_onoff, linger.l_linger);
	SAY(set(tcp, SOL_SOCKET, 9999, 1));
	SAY(get(tcp, SOL_SOCKET, 9999));
	SAY(set(tcp, 9999, 1, 1));
	SAY(get(tcp, 9999, 1));
	SAY(set(udp, IPPROTO_TCP, TCP_NODELAY, 1));
	SAY(raw_setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, P(&value), 2));
	SAY(raw_setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, P(NOWHERE), 4));
	length = 2;
	SAY(raw_getsockopt(tcp, SOL_SOCKET, SO_TYPE, P(&value), P(&length)));
	printf("length %d\n", (int)length);
	SAY(raw_getsockopt(tcp, SOL_SOCKET, SO_TYPE, P(NOWHERE), P(&length)));
	SAY(get(99, SOL_SOCKET, SO_TYPE));
	SAY(get(0, SOL_SOCKET, SO_TYPE));
	return 0;
}
