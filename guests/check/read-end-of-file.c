// read returns what there is, then 0 at the end, however often it is asked, and what is appended later.
// covers: read write
#include "check.h"

RAW3(read)
RAW3(write)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	int fd = make_file("file", "abcdef");
	SAY(raw_read(fd, P(text), 4));
	SAY(raw_read(fd, P(text), 4));
	SAY(raw_read(fd, P(text), 4));
	SAY(raw_read(fd, P(text), 4));
	SAY(raw_read(fd, P(text), 0));
	SAY(raw_write(fd, P("gh"), 2));
	SAY(raw_write(fd, P("gh"), 0));
	SAY(lseek(fd, -2, SEEK_CUR));
	SAY(raw_read(fd, P(text), 4));
	printf("%.2s\n", text);
	SAY(lseek(fd, 1000, SEEK_SET));
	SAY(raw_read(fd, P(text), 4));
	int folder = open(".", O_RDONLY);
	SAY(raw_read(folder, P(text), 4));
	SAY(raw_write(folder, P(text), 4));
	SAY(raw_read(-1, P(text), 4));
	SAY(raw_write(12345, P(text), 4));
	return 0;
}
