// Lengths beyond all memory are refused or cut, never trusted.
// covers: read write readv getdents64 getrandom sendto poll
#include "check.h"
#include <sys/socket.h>

RAW3(read)
RAW3(write)
RAW3(readv)
RAW3(getdents64)
RAW3(poll)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	int fd = make_file("file", "0123456789"), pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	SAY(raw_read(fd, P(NOWHERE), 0x7fffffff));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(raw_write(fd, P(NOWHERE), 0x7fffffff));
	SAY(raw_poll(P(text), 0x7fffffff, 0));
	SAY(raw_readv(fd, P(text), 0x7fffffff));
	SAY(ftruncate(fd, INT64_MIN));
	SAY(lseek(fd, 0, SEEK_END));
	SAY(setsockopt(pair[0], SOL_SOCKET, SO_REUSEADDR, text, (socklen_t)-1));
	show_file("file");
	return 0;
}
