// A pair is two connected sockets: bytes go both ways, flags are taken from the type, only AF_UNIX has it.
// covers: socketpair getsockopt
#include "net.h"

RAW4(socketpair)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	int pair[2], value;
	socklen_t length = sizeof value;
	SAY(raw_socketpair(AF_UNIX, SOCK_STREAM, 0, P(pair)));
	SAY(write(pair[0], "there", 5));
	SAY(write(pair[1], "back", 4));
	SAY(read(pair[1], text, 16));
	SAY(read(pair[0], text, 16));
	SAY(close(pair[0]));
	SAY(read(pair[1], text, 16));
	signal(SIGPIPE, SIG_IGN);
	SAY(write(pair[1], "x", 1));
	SAY(raw_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, P(pair)));
	SAY(fcntl(pair[0], F_GETFD));
	SAY(read(pair[0], text, 1));
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &length));
	printf("type %d\n", value);
	SAY(raw_socketpair(AF_UNIX, SOCK_SEQPACKET, 0, P(pair)));
	SAY(write(pair[0], "packet", 6));
	SAY(write(pair[0], "two", 3));
	SAY(read(pair[1], text, 3));
	SAY(read(pair[1], text, 16));
	SAY(raw_socketpair(AF_INET, SOCK_STREAM, 0, P(pair)));
	SAY(raw_socketpair(AF_UNIX, 77, 0, P(pair)));
	SAY(raw_socketpair(AF_UNIX, SOCK_STREAM, 55, P(pair)));
	SAY(raw_socketpair(AF_UNIX, SOCK_STREAM, 0, P(NOWHERE)));
	return 0;
}
