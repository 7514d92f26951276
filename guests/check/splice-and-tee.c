// splice moves bytes between a pipe and a file, tee copies from pipe to pipe and leaves them.
// covers: splice tee
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[32] = "";
	int one[2], two[2], file = make_file("file", "0123456789"), out = make_file("out", "");
	off_t offset = 3;
	pipe(one);
	pipe(two);
	SAY(splice(file, &offset, one[1], NULL, 4, 0));
	printf("offset %d\n", (int)offset);
	SAY(tee(one[0], two[1], 100, 0));
	SAY(read(two[0], text, 32));
	printf("%.4s\n", text);
	SAY(splice(one[0], NULL, out, NULL, 100, 0));
	show_file("out");
	SAY(tee(one[0], two[1], 100, SPLICE_F_NONBLOCK));
	SAY(splice(one[0], NULL, out, NULL, 100, SPLICE_F_NONBLOCK));
	SAY(splice(file, NULL, out, NULL, 1, 0));
	SAY(tee(file, two[1], 1, 0));
	SAY(splice(99, NULL, one[1], NULL, 1, 0));
	SAY(splice(one[0], &offset, out, NULL, 1, 0));
	SAY(splice(file, NULL, one[1], NULL, 1, 0x100));
	close(one[1]);
	SAY(splice(one[0], NULL, out, NULL, 100, 0));
	return 0;
}
