// O_CREAT, O_EXCL, O_TRUNC, O_APPEND and the access modes do what they say, and F_GETFL remembers them.
// covers: openat read write close fcntl
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16] = "";
	int fd = OK(open("file", O_WRONLY | O_CREAT | O_EXCL, 0640));
	SAY(write(fd, "0123456789", 10));
	SAY(read(fd, text, 4));
	HOLDS((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY);
	SAY(close(fd));

	fd = OK(open("file", O_RDONLY));
	SAY(write(fd, "x", 1));
	SAY(read(fd, text, 4));
	HOLDS((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	close(fd);

	fd = OK(open("file", O_RDWR | O_APPEND));
	SAY(lseek(fd, 2, SEEK_SET));
	SAY(write(fd, "end", 3));
	SAY(lseek(fd, 0, SEEK_CUR));
	HOLDS(fcntl(fd, F_GETFL) & O_APPEND);
	close(fd);
	show_file("file");

	fd = OK(open("file", O_RDWR | O_TRUNC));
	SAY(read(fd, text, 4));
	SAY(lseek(fd, 0, SEEK_END));
	close(fd);
	symlink("made", "link");
	close(OK(open("link", O_WRONLY | O_CREAT, 0600)));
	SAY(access("made", F_OK));
	return 0;
}
