// What dup, dup2 and dup3 refuse; dup2 closes what it replaces, and changes nothing for one and the same descriptor.
// covers: dup dup2 dup3
#include "check.h"
#include <sys/resource.h>

RAW1(dup)
RAW2(dup2)
RAW3(dup3)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2];
	char byte;
	SAY(raw_dup(99));
	SAY(raw_dup(-1));
	SAY(raw_dup2(99, 10));
	SAY(raw_dup2(0, -1));
	SAY(raw_dup2(0, 1 << 30));
	SAY(raw_dup2(1, 1));
	SAY(raw_dup2(99, 99));
	SAY(raw_dup3(1, 1, 0));
	SAY(raw_dup3(1, 10, O_APPEND));
	SAY(raw_dup3(99, 10, 0));
	pipe(ends);
	SAY(raw_dup2(1, ends[1]) == ends[1]);
	SAY(read(ends[0], &byte, 1));
	struct rlimit limit = { 30, 30 };
	setrlimit(RLIMIT_NOFILE, &limit);
	SAY(raw_dup2(1, 29));
	SAY(raw_dup2(1, 30));
	SAY(raw_dup3(1, 30, 0));
	SAY(fcntl(1, F_DUPFD, 30));
	return 0;
}
