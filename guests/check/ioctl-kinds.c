// FIONREAD counts what can be read, FIONBIO sets O_NONBLOCK, FIOCLEX close-on-exec; a file is no terminal.
// covers: ioctl
#include "check.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

RAW3(ioctl)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], pair[2], count = -1, on = 1, off = 0, fd = make_file("file", "0123456789");
	char byte;
	struct winsize size;
	pipe(ends);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	SAY(raw_ioctl(ends[0], FIONREAD, P(&count)));
	printf("%d\n", count);
	write(ends[1], "abc", 3);
	SAY(raw_ioctl(ends[0], FIONREAD, P(&count)));
	printf("%d\n", count);
	write(pair[0], "abcde", 5);
	SAY(raw_ioctl(pair[1], FIONREAD, P(&count)));
	printf("%d\n", count);
	lseek(fd, 4, SEEK_SET);
	SAY(raw_ioctl(fd, FIONREAD, P(&count)));
	printf("%d\n", count);
	SAY(raw_ioctl(pair[0], FIONBIO, P(&on)));
	HOLDS(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
	SAY(read(pair[0], &byte, 1));
	SAY(raw_ioctl(pair[0], FIONBIO, P(&off)));
	HOLDS(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
	SAY(raw_ioctl(fd, FIOCLEX, 0));
	SAY(fcntl(fd, F_GETFD));
	SAY(raw_ioctl(fd, FIONCLEX, 0));
	SAY(fcntl(fd, F_GETFD));
	SAY(raw_ioctl(fd, TIOCGWINSZ, P(&size)));
	SAY(raw_ioctl(ends[0], TIOCGWINSZ, P(&size)));
	SAY(raw_ioctl(ends[0], 0x12345, 0));
	SAY(raw_ioctl(99, FIONREAD, P(&count)));
	SAY(raw_ioctl(ends[0], FIONREAD, P(NOWHERE)));
	HOLDS(isatty(fd));
	return 0;
}
