// A full pipe takes what fits, or nothing of a small write; F_GETPIPE_SZ tells how much it holds.
// covers: pipe2 write fcntl
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char bytes[100000];
	int ends[2];
	pipe2(ends, O_NONBLOCK);
	SAY(fcntl(ends[1], F_GETPIPE_SZ));
	SAY(write(ends[1], bytes, sizeof bytes));
	SAY(write(ends[1], bytes, 1));
	SAY(read(ends[0], bytes, 4096));
	SAY(write(ends[1], bytes, 4097));
	SAY(write(ends[1], bytes, 1));
	long all = 0, got;
	while ((got = read(ends[0], bytes, 10000)) > 0)
		all += got;
	printf("then %ld bytes until %s\n", all, errno_name(errno));
	return 0;
}
