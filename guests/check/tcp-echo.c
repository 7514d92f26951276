// A TCP connection over loopback: the two ends know each other's address, and bytes come back in order.
// covers: socket bind listen connect accept getsockname getpeername sendto recvfrom
#include "net.h"

RAW3(socket)
RAW3(bind)
RAW2(listen)
RAW3(connect)
RAW3(accept)
RAW3(getsockname)
RAW3(getpeername)
RAW6(sendto)
RAW6(recvfrom)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	struct sockaddr_in address = loopback(0), peer;
	socklen_t length = sizeof address;
	int listener = OK(raw_socket(AF_INET, SOCK_STREAM, 0));
	SAY(raw_bind(listener, P(&address), sizeof address));
	SAY(raw_listen(listener, 5));
	SAY(raw_getsockname(listener, P(&address), P(&length)));
	HOLDS(address.sin_port != 0);
	HOLDS(address.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	int client = OK(raw_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
	SAY(raw_connect(client, P(&address), sizeof address));
	length = sizeof peer;
	int server = OK(raw_accept(listener, P(&peer), P(&length)));
	printf("length %d\n", (int)length);
	HOLDS(peer.sin_port == htons((uint16_t)port_of(client)));
	length = sizeof peer;
	SAY(raw_getpeername(client, P(&peer), P(&length)));
	HOLDS(peer.sin_port == address.sin_port);
	length = sizeof peer;
	SAY(raw_getpeername(server, P(&peer), P(&length)));
	HOLDS(peer.sin_port == htons((uint16_t)port_of(client)));
	HOLDS(port_of(server) == port_of(listener));
	SAY(raw_getpeername(listener, P(&peer), P(&length)));
	SAY(raw_sendto(client, P("hello"), 5, 0, 0, 0));
	SAY(raw_recvfrom(server, P(text), 3, MSG_WAITALL, 0, 0));
	SAY(raw_recvfrom(server, P(text + 3), 8, 0, 0, 0));
	SAY(write(server, text, 5));
	SAY(read(client, text + 8, 8));
	printf("%.5s %.5s\n", text, text + 8);
	length = 4;
	SAY(raw_getsockname(client, P(&address), P(&length)));
	printf("length %d\n", (int)length);
	SAY(raw_connect(client, P(&address), sizeof address));
	return 0;
}
