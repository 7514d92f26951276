// F_DUPFD takes the lowest free descriptor from its argument on; the lowest free one is what open and pipe take, too.
// covers: fcntl close
#include "check.h"

RAW3(fcntl)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "text");
	for (int i = fd + 1; i < 60; i++)
		close(i);
	SAY(raw_fcntl(fd, F_DUPFD, 40));
	SAY(raw_fcntl(fd, F_DUPFD, 40));
	SAY(raw_fcntl(fd, F_DUPFD_CLOEXEC, 40));
	SAY(raw_fcntl(42, F_GETFD, 0));
	SAY(raw_fcntl(41, F_GETFD, 0));
	SAY(close(41));
	SAY(raw_fcntl(fd, F_DUPFD, 40));
	SAY(raw_fcntl(fd, F_DUPFD, -1));
	SAY(raw_fcntl(fd, 9999, 0));
	SAY(raw_fcntl(99, F_GETFD, 0));
	SAY(raw_fcntl(99, F_DUPFD, 0));
	close(fd);
	HOLDS(open("file", O_RDONLY) == fd);
	return 0;
}
