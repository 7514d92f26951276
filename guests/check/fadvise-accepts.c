// posix_fadvise takes the six kinds of advice for a file, not for a pipe.
// covers: fadvise64 fadvise
#include "check.h"

RAW4(fadvise64)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], fd = make_file("file", "text");
	for (int advice = 0; advice < 7; advice++) {
		printf("%d ", advice);
		SAY(raw_fadvise64(fd, 0, 0, advice));
	}
	SAY(raw_fadvise64(fd, 2, 1, POSIX_FADV_DONTNEED));
	SAY(raw_fadvise64(99, 0, 0, 0));
	pipe(ends);
	SAY(raw_fadvise64(ends[0], 0, 0, 0));
	SAY(raw_fadvise64(fd, 0, -1, 0));
	show_file("file");
	return 0;
}
