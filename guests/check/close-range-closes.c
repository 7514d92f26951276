// close_range closes every descriptor between two numbers, or marks them for execve.
// covers: close_range
#include "check.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
RAW3(close_range)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "");
	for (int i = 20; i < 26; i++)
		dup2(fd, i);
	SAY(raw_close_range(21, 23, 0));
	for (int i = 20; i < 26; i++)
		printf("%d: %s\n", i, fcntl(i, F_GETFD) < 0 ? "closed" : "open");
	SAY(raw_close_range(24, 24, 4));
	SAY(fcntl(24, F_GETFD));
	SAY(raw_close_range(25, 24, 0));
	SAY(raw_close_range(25, 25, 0x100));
	SAY(raw_close_range(20, -1, 0));
	for (int i = 20; i < 26; i++)
		printf("%d: %s\n", i, fcntl(i, F_GETFD) < 0 ? "closed" : "open");
	return 0;
}
