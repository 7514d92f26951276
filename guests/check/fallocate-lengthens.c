// fallocate makes room and lengthens a file, or keeps its size.
// covers: fallocate
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct stat st;
	char text[20];
	int ends[2], fd = make_file("file", "0123456789");
	pipe(ends);
	SAY(fallocate(fd, 0, 0, 5));
	fstat(fd, &st);
	printf("size %d\n", (int)st.st_size);
	SAY(fallocate(fd, 0, 8, 10));
	fstat(fd, &st);
	printf("size %d\n", (int)st.st_size);
	SAY(pread(fd, text, 20, 0));
	printf("%.10s %d\n", text, text[17]);
	SAY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1000));
	fstat(fd, &st);
	printf("size %d\n", (int)st.st_size);
	SAY(fallocate(fd, 0, -1, 10));
	SAY(fallocate(fd, 0, 0, 0));
	SAY(fallocate(fd, 0x1000, 0, 10));
	SAY(fallocate(open("file", O_RDONLY), 0, 0, 10));
	SAY(fallocate(ends[1], 0, 0, 10));
	SAY(fallocate(99, 0, 0, 10));
	SAY_ERROR(posix_fallocate(fd, 0, 30));
	fstat(fd, &st);
	printf("size %d\n", (int)st.st_size);
	return 0;
}
