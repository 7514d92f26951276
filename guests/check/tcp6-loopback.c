// IPv6 over loopback, and an IPv4 client of an IPv6 listener.
// covers: socket bind connect accept getpeername
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT }, peer;
	socklen_t length = sizeof address;
	char text[64];
	int listener = OK(socket(AF_INET6, SOCK_STREAM, 0));
	SAY(bind(listener, (struct sockaddr *)&address, sizeof address));
	SAY(listen(listener, 5));
	SAY(getsockname(listener, (struct sockaddr *)&address, &length));
	int client = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(connect(client, (struct sockaddr *)&address, sizeof address));
	length = sizeof peer;
	int server = OK(accept(listener, (struct sockaddr *)&peer, &length));
	printf("%s, length %d\n", inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text), (int)length);
	SAY(write(client, "six", 3));
	SAY(read(server, text, 8));

	listener = socket(AF_INET6, SOCK_STREAM, 0);
	address = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	SAY(bind(listener, (struct sockaddr *)&address, sizeof address));
	SAY(listen(listener, 5));
	length = sizeof address;
	getsockname(listener, (struct sockaddr *)&address, &length);
	client = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect_loopback(client, ntohs(address.sin6_port)));
	length = sizeof peer;
	server = OK(accept(listener, (struct sockaddr *)&peer, &length));
	printf("%s, length %d\n", inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text), (int)length);
	int on = 1;
	SAY(setsockopt(socket(AF_INET6, SOCK_STREAM, 0), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
	return 0;
}
