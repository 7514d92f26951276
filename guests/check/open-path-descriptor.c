// An O_PATH descriptor names a file and can do nothing with its bytes.
// covers: openat read fstat fchdir
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("file", "text"));
	mkdir("folder", 0755);
	char byte;
	struct stat st;
	int fd = OK(open("file", O_PATH));
	SAY(read(fd, &byte, 1));
	SAY(write(fd, "x", 1));
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(fstat(fd, &st));
	printf("size %ld\n", (long)st.st_size);
	int folder = OK(open("folder", O_PATH | O_DIRECTORY));
	close(OK(openat(folder, "inside", O_WRONLY | O_CREAT, 0600)));
	SAY(fchdir(folder));
	SAY(access("inside", F_OK));
	return 0;
}
