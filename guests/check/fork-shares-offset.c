// The two share open files with their offsets and flags, but have descriptor tables of their own.
// covers: fork wait4 lseek fcntl dup2
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[8];
	int fd = make_file("file", "0123456789"), spare = open("file", O_RDONLY);
	SAY(read(fd, text, 2));
	pid_t child = fork();
	if (child == 0) {
		SAY(lseek(fd, 0, SEEK_CUR));
		SAY(read(fd, text, 3));
		SAY(fcntl(fd, F_SETFL, O_APPEND));
		SAY(close(spare));
		SAY(dup2(fd, 40));
		SAY(fcntl(fd, F_SETFD, FD_CLOEXEC));
		_exit(0);
	}
	reap("child", child);
	SAY(lseek(fd, 0, SEEK_CUR));
	HOLDS(fcntl(fd, F_GETFL) & O_APPEND);
	SAY(lseek(spare, 0, SEEK_CUR));
	SAY(fcntl(40, F_GETFD));
	SAY(fcntl(fd, F_GETFD));
	return 0;
}
