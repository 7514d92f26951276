// getdents lists as getdents64 does, to its end, and refuses what it cannot fill.
// covers: getdents
#include "check.h"

RAW_IMPORTED3(getdents, 78)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char buffer[4096];
	close(make_file("file", ""));
	int fd = open(".", O_RDONLY), file = open("file", O_RDONLY);
	HOLDS(raw_getdents(fd, P(buffer), sizeof buffer) > 0);
	SAY(raw_getdents(fd, P(buffer), sizeof buffer));
	lseek(fd, 0, SEEK_SET);
	SAY(raw_getdents(fd, P(buffer), 4));
	SAY(raw_getdents(fd, P(NOWHERE), sizeof buffer));
	SAY(raw_getdents(file, P(buffer), sizeof buffer));
	SAY(raw_getdents(99, P(buffer), sizeof buffer));
	return 0;
}
