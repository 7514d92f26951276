// Record locks keep other processes out, not one's own; F_GETLK says what is in the way; any close of the file lets them go.
// covers: fcntl fork wait4
#include "check.h"

static int set_lock(int fd, int type, long start, long length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	return fcntl(fd, F_SETLK, &lock);
}

static void test_lock(int fd, int type, long start, long length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	if (fcntl(fd, F_GETLK, &lock) != 0)
		printf("F_GETLK: %s\n", errno_name(errno));
	else if (lock.l_type == F_UNLCK)
		printf("nothing is in the way of %ld+%ld\n", start, length);
	else
		printf("%s lock at %ld+%ld of my parent: %s\n", lock.l_type == F_RDLCK ? "read" : "write", (long)lock.l_start,
		       (long)lock.l_len, lock.l_pid == getppid() ? "yes" : "no");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "0123456789");
	SAY(set_lock(fd, F_WRLCK, 0, 4));
	SAY(set_lock(fd, F_RDLCK, 6, 2));
	SAY(set_lock(fd, F_WRLCK, 1, 1));
	pid_t child = fork();
	if (child == 0) {
		SAY(set_lock(fd, F_WRLCK, 0, 1));
		SAY(set_lock(fd, F_RDLCK, 3, 1));
		SAY(set_lock(fd, F_RDLCK, 6, 1));
		SAY(set_lock(fd, F_WRLCK, 6, 1));
		SAY(set_lock(fd, F_WRLCK, 4, 2));
		SAY(set_lock(fd, F_WRLCK, 8, 0));
		test_lock(fd, F_WRLCK, 0, 0);
		test_lock(fd, F_WRLCK, 5, 3);
		test_lock(fd, F_RDLCK, 5, 3);
		test_lock(fd, F_WRLCK, 100, 1);
		SAY(set_lock(fd, F_UNLCK, 0, 4));
		SAY(set_lock(fd, F_WRLCK, 0, 4));
		_exit(3);
	}
	reap("child", child);
	SAY(set_lock(fd, F_WRLCK, 8, 0));
	close(open("file", O_RDONLY));
	child = fork();
	if (child == 0) {
		SAY(set_lock(fd, F_WRLCK, 0, 0));
		_exit(0);
	}
	reap("child", child);
	SAY(set_lock(99, F_RDLCK, 0, 1));
	SAY(set_lock(fd, 77, 0, 1));
	SAY(set_lock(fd, F_RDLCK, -5, 1));
	int reader = open("file", O_RDONLY);
	SAY(set_lock(reader, F_WRLCK, 0, 1));
	SAY(set_lock(reader, F_RDLCK, 0, 1));
	return 0;
}
