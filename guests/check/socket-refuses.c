// What the socket calls refuse: unknown families and types, files that are no sockets, short addresses.
// covers: socket bind connect listen accept accept4 sendto recvfrom getsockname
#include "net.h"

RAW3(socket)
RAW3(bind)
RAW3(connect)
RAW3(accept)
RAW4(accept4)
RAW6(sendto)
RAW6(recvfrom)
RAW3(getsockname)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sockaddr_in address = loopback(1);
	char byte;
	int file = make_file("file", ""), tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(raw_socket(12345, SOCK_STREAM, 0));
	SAY(raw_socket(-1, SOCK_STREAM, 0));
	SAY(raw_socket(AF_INET, 15, 0));
	SAY(raw_socket(AF_INET, SOCK_STREAM | 0x4000, 0));
	SAY(raw_socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	SAY(raw_socket(AF_UNIX, SOCK_STREAM, 99));
	SAY(raw_bind(file, P(&address), sizeof address));
	SAY(raw_bind(99, P(&address), sizeof address));
	SAY(raw_bind(tcp, P(NOWHERE), sizeof address));
	SAY(raw_bind(tcp, P(&address), -1));
	SAY(raw_bind(tcp, P(&address), 1000));
	SAY(raw_connect(file, P(&address), sizeof address));
	SAY(raw_connect(tcp, P(&address), 3));
	SAY(raw_connect(tcp, P(NOWHERE), sizeof address));
	SAY(listen(file, 1));
	SAY(listen(99, 1));
	SAY(raw_accept(file, 0, 0));
	SAY(raw_accept(99, 0, 0));
	SAY(raw_accept(tcp, 0, 0));
	SAY(raw_accept4(udp, 0, 0, 0));
	SAY(raw_sendto(file, P("x"), 1, 0, 0, 0));
	SAY(raw_sendto(udp, P("x"), 1, 0, 0, 0));
	SAY(raw_sendto(udp, P("x"), 1, 0, P(&address), 3));
	SAY(raw_sendto(99, P("x"), 1, 0, 0, 0));
	SAY(raw_recvfrom(file, P(&byte), 1, 0, 0, 0));
	SAY(raw_recvfrom(tcp, P(&byte), 1, 0, 0, 0));
	SAY(raw_getsockname(file, P(&address), P(&byte)));
	SAY(raw_getsockname(tcp, P(&address), P(NOWHERE)));
	SAY(lseek(tcp, 0, SEEK_SET));
	SAY(pread(tcp, &byte, 1, 0));
	SAY(fsync(tcp));
	SAY(ftruncate(tcp, 0));
	return 0;
}
