// readv fills one piece after the other, writev gathers them, and both check the list before anything moves.
// covers: readv writev
#include "check.h"
#include <sys/uio.h>

RAW3(readv)
RAW3(writev)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char a[3], b[4], c[10];
	int fd = make_file("file", "");
	struct iovec out[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
	struct iovec in[3] = { { a, 3 }, { b, 4 }, { c, 10 } };
	SAY(raw_writev(fd, P(out), 3));
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(raw_readv(fd, P(in), 3));
	printf("%.3s %.4s %.1s\n", a, b, c);
	SAY(raw_readv(fd, P(in), 3));
	SAY(raw_readv(fd, P(in), 0));
	SAY(raw_readv(fd, P(in), -1));
	SAY(raw_writev(fd, P(out), 1025));
	in[1].iov_len = (size_t)-1;
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(raw_readv(fd, P(in), 3));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(raw_writev(99, P(out), 3));
	SAY(raw_writev(fd, P(NOWHERE), 3));
	out[1].iov_base = NOWHERE;
	SAY(raw_writev(fd, P(out), 3));
	show_file("file");
	return 0;
}
