// preadv and pwritev work with pieces at an offset of their own; the newer ones take flags, and -1 for the file's offset.
// covers: preadv pwritev preadv2 pwritev2
#include "check.h"
#include <sys/uio.h>

RAW6(preadv2)
RAW6(pwritev2)
/* RWF_APPEND. */
#define APPEND 16

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char a[4], b[8];
	int ends[2], fd = make_file("file", "0123456789");
	struct iovec in[2] = { { a, 3 }, { b, 8 } }, out[2] = { { "AB", 2 }, { "CDE", 3 } };
	pipe(ends);
	SAY(preadv(fd, in, 2, 2));
	printf("%.3s %.5s\n", a, b);
	SAY(pwritev(fd, out, 2, 8));
	SAY(lseek(fd, 0, SEEK_CUR));
	show_file("file");
	SAY(preadv(fd, in, 2, -1));
	SAY(pwritev(fd, out, 2, -1));
	SAY(preadv(ends[0], in, 2, 0));
	SAY(pwritev(ends[1], out, 2, 0));
	SAY(preadv(fd, in, -1, 0));
	SAY(preadv(99, in, 2, 0));
	SAY(raw_preadv2(fd, P(in), 2, -1, -1, 0));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(raw_preadv2(fd, P(in), 2, 1, 0, 0));
	SAY(raw_pwritev2(fd, P(out), 2, 0, 0, APPEND));
	SAY(raw_preadv2(fd, P(in), 2, 0, 0, 0x40000000));
	show_file("file");
	return 0;
}
