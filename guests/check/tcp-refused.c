// Connecting to a port where nobody listens is refused, at once or by SO_ERROR of a socket that does not block.
// covers: connect getsockopt poll
#include "net.h"
#include <poll.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int error = -1;
	socklen_t length = sizeof error;
	int unused = socket(AF_INET, SOCK_STREAM, 0);
	bind_loopback(unused, 0);
	int port = port_of(unused), fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect_loopback(fd, port));
	SAY(connect_loopback(fd, port));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SAY(connect_loopback(fd, port));
	struct pollfd p = { fd, POLLOUT, 0 };
	SAY(poll(&p, 1, 2000));
	HOLDS(p.revents & POLLERR);
	SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	say_error("error", error);
	SAY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	say_error("error", error);
	return 0;
}
