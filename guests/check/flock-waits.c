// flock waits in another process until the lock is let go.
// covers: flock fork wait4
#include "check.h"
#include <sys/file.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], fd = make_file("file", "");
	char byte;
	pipe(ends);
	flock(fd, LOCK_EX);
	pid_t child = fork();
	if (child == 0) {
		int mine = open("file", O_RDWR);
		SAY(flock(mine, LOCK_EX | LOCK_NB));
		write(ends[1], "x", 1);
		long before = now_ms();
		int result = flock(mine, LOCK_EX);
		HOLDS(now_ms() - before >= 15);
		SAY(result);
		show_file("file");
		_exit(0);
	}
	read(ends[0], &byte, 1);
	sleep_ms(40);
	write(fd, "done", 4);
	flock(fd, LOCK_UN);
	reap("child", child);
	return 0;
}
