// A port has one owner; SO_REUSEADDR lets it be taken again after its connections, not while somebody listens.
// covers: bind listen setsockopt
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int one = socket(AF_INET, SOCK_STREAM, 0), two = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	SAY(bind_loopback(one, 0));
	SAY(bind_loopback(one, 0));
	SAY(listen(one, 5));
	SAY(bind_loopback(two, port_of(one)));
	SAY(setsockopt(two, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
	SAY(bind_loopback(two, port_of(one)));
	int port = port_of(one);
	close(one);
	SAY(bind_loopback(two, port));
	SAY(listen(two, 5));
	SAY(listen(two, 50));
	struct sockaddr_in far = loopback(0);
	far.sin_addr.s_addr = htonl(0xc6336401);
	int three = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind(three, (struct sockaddr *)&far, sizeof far));
	SAY(bind(three, (struct sockaddr *)&far, 4));
	far.sin_family = AF_UNIX;
	SAY(bind(three, (struct sockaddr *)&far, sizeof far));
	SAY(listen(three, 5));
	HOLDS(port_of(three) != 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(bind_loopback(udp, port));
	SAY(listen(udp, 5));
	return 0;
}
