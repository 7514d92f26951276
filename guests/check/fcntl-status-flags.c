// F_SETFL changes O_APPEND and O_NONBLOCK and nothing else.
// covers: fcntl
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte;
	int ends[2], fd = make_file("file", "text");
	SAY(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_WRONLY | O_CREAT | O_TRUNC));
	int flags = fcntl(fd, F_GETFL);
	HOLDS(flags & O_NONBLOCK);
	HOLDS(flags & O_APPEND);
	HOLDS((flags & O_ACCMODE) == O_RDWR);
	HOLDS(flags & (O_CREAT | O_TRUNC));
	show_file("file");
	pipe2(ends, O_NONBLOCK);
	SAY(read(ends[0], &byte, 1));
	HOLDS(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	SAY(fcntl(ends[0], F_SETFL, 0));
	HOLDS(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
	HOLDS(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	SAY(fcntl(99, F_GETFL));
	return 0;
}
