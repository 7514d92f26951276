// Locks of one process split, merge and change type byte by byte, as another process sees them.
// covers: fcntl fork wait4
#include "check.h"

static void set_lock(int fd, int type, long start, long length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	if (fcntl(fd, F_SETLK, &lock) != 0)
		printf("F_SETLK: %s\n", errno_name(errno));
}

/* For every byte: r or w where another process is locked out of writing, by what kind of lock. */
static void show(int fd)
{
	pid_t child = fork();
	if (child == 0) {
		char map[21] = "";
		for (long at = 0; at < 20; at++) {
			struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
			fcntl(fd, F_GETLK, &lock);
			map[at] = lock.l_type == F_UNLCK ? '.' : lock.l_type == F_RDLCK ? 'r' : 'w';
		}
		printf("%s\n", map);
		struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		fcntl(fd, F_GETLK, &all);
		printf("first: %ld+%ld\n", (long)all.l_start, (long)all.l_len);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "");
	set_lock(fd, F_WRLCK, 2, 16);
	show(fd);
	set_lock(fd, F_UNLCK, 6, 4);
	show(fd);
	set_lock(fd, F_RDLCK, 4, 4);
	show(fd);
	set_lock(fd, F_RDLCK, 0, 4);
	show(fd);
	set_lock(fd, F_WRLCK, 5, 0);
	show(fd);
	set_lock(fd, F_UNLCK, 0, 0);
	struct flock from_end = { .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -3, .l_len = 2 };
	write(fd, "0123456789", 10);
	SAY(fcntl(fd, F_SETLK, &from_end));
	struct flock backwards = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 6, .l_len = -4 };
	SAY(fcntl(fd, F_SETLK, &backwards));
	show(fd);
	return 0;
}
