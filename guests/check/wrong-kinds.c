// Calls on the wrong kind of file: folders, pipes, sockets and event descriptors each refuse what they are not.
// covers: read write lseek ftruncate fsync ioctl fcntl getdents64 connect
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[64];
	int ends[2];
	pipe(ends);
	struct { const char *name; int fd; } files[] = {
		{ "folder", open(".", O_RDONLY) },
		{ "pipe", ends[0] },
		{ "socket", socket(AF_UNIX, SOCK_STREAM, 0) },
		{ "epoll", epoll_create1(0) },
		{ "/dev/null", open("/dev/null", O_RDWR) },
	};
	for (int i = 0; i < 5; i++) {
		int fd = files[i].fd;
		printf("%s\n", files[i].name);
		if (i != 1)
			SAY(read(fd, text, 4));
		if (i != 3) {
			SAY(pread(fd, text, 4, 0));
			SAY(pwrite(fd, text, 4, 0));
		}
		if (i == 1 || i == 2)
			SAY(lseek(fd, 0, SEEK_END) >= 0 ? 0 : -1);
		SAY(ftruncate(fd, 0));
		SAY(listen(fd, 1));
		SAY(fchdir(fd));
	}
	signal(SIGPIPE, SIG_IGN);
	SAY(write(files[4].fd, "x", 1));
	int zero = open("/dev/zero", O_RDONLY), full = open("/dev/full", O_WRONLY);
	SAY(read(zero, text, 64));
	SAY(write(full, "x", 1));
	return 0;
}
