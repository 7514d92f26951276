// Duplicates share one offset and the status flags; close-on-exec belongs to the descriptor.
// covers: dup dup2 dup3 fcntl
#include "check.h"

RAW1(dup)
RAW2(dup2)
RAW3(dup3)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[4];
	int fd = make_file("file", "0123456789");
	int copy = OK(raw_dup(fd));
	SAY(read(fd, text, 3));
	SAY(lseek(copy, 0, SEEK_CUR));
	SAY(raw_dup2(fd, 20));
	SAY(read(20, text, 3));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(fcntl(fd, F_SETFL, O_APPEND));
	HOLDS(fcntl(20, F_GETFL) & O_APPEND);
	SAY(raw_dup3(fd, 21, O_CLOEXEC));
	SAY(fcntl(21, F_GETFD));
	SAY(fcntl(20, F_GETFD));
	SAY(fcntl(20, F_SETFD, FD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	int other = open("file", O_RDONLY);
	SAY(lseek(other, 0, SEEK_CUR));
	SAY(close(fd));
	SAY(lseek(copy, 0, SEEK_CUR));
	return 0;
}
