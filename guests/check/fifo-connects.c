// A named pipe joins whoever opens it for reading and for writing, who wait for each other.
// covers: mknod mknodat openat read write
// needs: memory
#include "check.h"
#include <poll.h>

RAW3(mknod)
RAW4(mknodat)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[8];
	struct stat st;
	SAY(raw_mknod(P("fifo"), S_IFIFO | 0600, 0));
	SAY(raw_mknod(P("fifo"), S_IFIFO | 0600, 0));
	SAY(raw_mknodat(AT_FDCWD, P("regular"), S_IFREG | 0640, 0));
	SAY(raw_mknodat(AT_FDCWD, P("plain"), 0, 0));
	SAY(raw_mknodat(99, P("x"), S_IFIFO, 0));
	SAY(raw_mknod(P("missing/x"), S_IFIFO, 0));
	SAY(raw_mknod(P("x"), S_IFDIR, 0));
	SAY(raw_mknod(P("x"), 0170000, 0));
	SAY(raw_mknod(P(NOWHERE), S_IFIFO, 0));
	stat("fifo", &st);
	HOLDS(S_ISFIFO(st.st_mode));
	stat("regular", &st);
	printf("mode %o\n", (unsigned)st.st_mode);
	SAY(open("fifo", O_WRONLY | O_NONBLOCK));
	int reader = OK(open("fifo", O_RDONLY | O_NONBLOCK));
	SAY(read(reader, text, 8));
	int writer = OK(open("fifo", O_WRONLY | O_NONBLOCK));
	SAY(read(reader, text, 8));
	SAY(write(writer, "text", 4));
	SAY(read(reader, text, 8));
	close(writer);
	SAY(read(reader, text, 8));
	close(reader);
	pid_t child = fork();
	if (child == 0) {
		sleep_ms(10);
		int fd = open("fifo", O_WRONLY);
		write(fd, "child", 5);
		_exit(0);
	}
	reader = OK(open("fifo", O_RDONLY));
	SAY(read(reader, text, 8));
	SAY(read(reader, text, 8));
	reap("child", child);
	SAY(unlink("fifo"));
	return 0;
}
