// copy_file_range copies between files, by their offsets or by its own, within one file as well.
// covers: copy_file_range
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], from = make_file("from", "0123456789"), to = make_file("to", "");
	off_t in = 4, out = 10;
	pipe(ends);
	SAY(copy_file_range(from, NULL, to, NULL, 3, 0));
	SAY(lseek(from, 0, SEEK_CUR));
	SAY(lseek(to, 0, SEEK_CUR));
	SAY(copy_file_range(from, &in, to, NULL, 100, 0));
	printf("in %d\n", (int)in);
	SAY(copy_file_range(from, &in, to, NULL, 100, 0));
	show_file("to");
	in = 0;
	SAY(copy_file_range(from, &in, from, &out, 4, 0));
	show_file("from");
	in = 2;
	out = 3;
	SAY(copy_file_range(from, &in, from, &out, 4, 0));
	SAY(copy_file_range(from, NULL, to, NULL, 1, 1));
	SAY(copy_file_range(99, NULL, to, NULL, 1, 0));
	SAY(copy_file_range(from, NULL, ends[1], NULL, 1, 0));
	SAY(copy_file_range(open(".", O_RDONLY), NULL, to, NULL, 1, 0));
	int reader = open("to", O_RDONLY), append = open("to", O_WRONLY | O_APPEND);
	SAY(copy_file_range(from, NULL, reader, NULL, 1, 0));
	SAY(copy_file_range(from, NULL, append, NULL, 1, 0));
	return 0;
}
