// ftruncate and truncate cut a file or lengthen it with zeros, and leave the offset.
// covers: ftruncate truncate
#include "check.h"

RAW2(ftruncate)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16] = "xxxxxxxxxxxxxxx";
	int ends[2], fd = make_file("file", "0123456789");
	SAY(read(fd, text, 6));
	SAY(raw_ftruncate(fd, 4));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(read(fd, text, 4));
	SAY(raw_ftruncate(fd, 8));
	SAY(pread(fd, text, 16, 0));
	printf("%.4s %d %d\n", text, text[4], text[7]);
	SAY(lseek(fd, 0, SEEK_END));
	SAY(raw_ftruncate(fd, -1));
	SAY(raw_ftruncate(fd, 0));
	SAY(truncate("file", 3));
	SAY(lseek(fd, 0, SEEK_END));
	SAY(truncate("missing", 3));
	SAY(truncate(".", 3));
	int reader = open("file", O_RDONLY);
	SAY(raw_ftruncate(reader, 0));
	pipe(ends);
	SAY(raw_ftruncate(ends[1], 0));
	SAY(raw_ftruncate(99, 0));
	return 0;
}
