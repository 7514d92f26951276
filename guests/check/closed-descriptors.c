// Every call on a descriptor answers EBADF for one that is closed or never was.
// covers: read write fstat ftruncate fsync fchmod fchown fchdir getdents64 fcntl flock ioctl fstatfs dup lseek
#include "check.h"
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/vfs.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[64];
	struct stat st;
	struct statfs fs;
	struct iovec piece = { text, 4 };
	int count, fds[] = { 77, -1, -100, 1 << 30 };
	for (int i = 0; i < 4; i++) {
		int fd = fds[i];
		printf("descriptor %d\n", fd);
		SAY(read(fd, text, 4));
		SAY(write(fd, text, 4));
		SAY(readv(fd, &piece, 1));
		SAY(writev(fd, &piece, 1));
		SAY(pread(fd, text, 4, 0));
		SAY(pwrite(fd, text, 4, 0));
		SAY(lseek(fd, 0, SEEK_SET));
		SAY(fstat(fd, &st));
		SAY(fstatfs(fd, &fs));
		SAY(ftruncate(fd, 0));
		SAY(fsync(fd));
		SAY(fdatasync(fd));
		SAY(fchmod(fd, 0644));
		SAY(fchown(fd, 0, 0));
		SAY(fchdir(fd));
		SAY(fcntl(fd, F_GETFD));
		SAY(fcntl(fd, F_GETFL));
		SAY(flock(fd, LOCK_SH));
		SAY(ioctl(fd, FIONREAD, &count));
		SAY(dup(fd));
		SAY(close(fd));
		SAY(listen(fd, 1));
		SAY(accept(fd, NULL, NULL));
		SAY(shutdown(fd, SHUT_RD));
		SAY(recv(fd, text, 4, 0));
	}
	return 0;
}
