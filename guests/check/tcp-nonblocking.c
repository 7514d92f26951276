// A socket that does not block: connect in progress, accept and recv that would wait, send until the buffers are full.
// covers: connect accept4 recvfrom sendto getsockopt
#include "net.h"
#include <poll.h>

RAW4(accept4)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char bytes[65536];
	int error = -1, listener = listen_loopback();
	socklen_t length = sizeof error;
	fcntl(listener, F_SETFL, O_NONBLOCK);
	SAY(raw_accept4(listener, 0, 0, 0));
	int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int result = connect_loopback(client, port_of(listener));
	HOLDS(result == 0 || errno == EINPROGRESS);
	struct pollfd p = { client, POLLOUT, 0 };
	SAY(poll(&p, 1, 2000));
	HOLDS(p.revents == POLLOUT);
	SAY(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length));
	say_error("error", error);
	p = (struct pollfd){ listener, POLLIN, 0 };
	SAY(poll(&p, 1, 2000));
	int server = OK(raw_accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC));
	HOLDS(fcntl(server, F_GETFL) & O_NONBLOCK);
	SAY(fcntl(server, F_GETFD));
	SAY(raw_accept4(listener, 0, 0, 0x1234));
	SAY(recv(client, bytes, 1, 0));
	long sent, total = 0, received = 0;
	while ((sent = send(client, bytes, sizeof bytes, 0)) > 0)
		total += sent;
	printf("then %s\n", errno_name(errno));
	HOLDS(total >= 65536);
	close(client);
	p = (struct pollfd){ server, POLLIN, 0 };
	while (poll(&p, 1, 2000) == 1 && (sent = recv(server, bytes, sizeof bytes, 0)) > 0)
		received += sent;
	printf("then %ld\n", sent);
	HOLDS(received == total);
	return 0;
}
