// lseek counts from the start, the offset or the end, goes beyond the end, never before the start.
// covers: lseek
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], fd = make_file("file", "0123456789");
	SAY(lseek(fd, 4, SEEK_SET));
	SAY(lseek(fd, 3, SEEK_CUR));
	SAY(lseek(fd, -7, SEEK_CUR));
	SAY(lseek(fd, -1, SEEK_CUR));
	SAY(lseek(fd, -4, SEEK_END));
	SAY(lseek(fd, 5, SEEK_END));
	SAY(lseek(fd, -11, SEEK_END));
	SAY(lseek(fd, 5ll << 32, SEEK_SET));
	SAY(lseek(fd, 1, SEEK_CUR));
	SAY(lseek(fd, 0, 99));
	SAY(lseek(fd, 0, SEEK_CUR));
	pipe(ends);
	SAY(lseek(ends[0], 0, SEEK_CUR));
	SAY(lseek(99, 0, SEEK_SET));
	return 0;
}
