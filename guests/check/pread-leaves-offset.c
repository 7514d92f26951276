// pread and pwrite work at an offset of their own and leave the file's alone.
// covers: pread64 pwrite64 lseek
#include "check.h"

RAW4(pread64)
RAW4(pwrite64)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16] = "";
	int ends[2], fd = make_file("file", "0123456789");
	SAY(read(fd, text, 2));
	SAY(raw_pread64(fd, P(text), 3, 5));
	printf("%.3s\n", text);
	SAY(raw_pwrite64(fd, P("AB"), 2, 8));
	SAY(raw_pwrite64(fd, P("Z"), 1, 12));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(raw_pread64(fd, P(text), 16, 8));
	printf("%.2s %d %d %c\n", text, text[2], text[3], text[4]);
	SAY(raw_pread64(fd, P(text), 16, 13));
	SAY(pread(fd, text, 16, 1ll << 40));
	SAY(raw_pread64(fd, P(text), 1, -1));
	SAY(raw_pwrite64(fd, P(text), 1, -1));
	pipe(ends);
	SAY(raw_pread64(ends[0], P(text), 1, 0));
	SAY(raw_pwrite64(ends[1], P(text), 1, 0));
	SAY(raw_pread64(99, P(text), 1, 0));
	return 0;
}
