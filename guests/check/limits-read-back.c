// Limits read back as set; soft never above hard; RLIMIT_NOFILE bounds new descriptors, RLIMIT_FSIZE the size of files.
// covers: getrlimit setrlimit prlimit64
#include "check.h"
#include <sys/resource.h>

RAW2(getrlimit)
RAW2(setrlimit)
RAW4(prlimit64)

struct limit {
	uint64_t soft, hard;
};

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct limit limit, old;
	int fd = make_file("file", ""), ends[2];
	for (int i = fd + 1; i < 60; i++)
		close(i);
	SAY(raw_getrlimit(RLIMIT_NOFILE, P(&limit)));
	HOLDS(limit.soft >= 256 && limit.soft <= limit.hard);
	limit = (struct limit){ 20, 30 };
	SAY(raw_setrlimit(RLIMIT_NOFILE, P(&limit)));
	limit = (struct limit){ 0, 0 };
	SAY(raw_prlimit64(0, RLIMIT_NOFILE, 0, P(&limit)));
	printf("%d %d\n", (int)limit.soft, (int)limit.hard);
	limit = (struct limit){ 31, 30 };
	SAY(raw_setrlimit(RLIMIT_NOFILE, P(&limit)));
	limit = (struct limit){ (uint64_t)fd + 2, 30 };
	SAY(raw_prlimit64(getpid(), RLIMIT_NOFILE, P(&limit), P(&old)));
	printf("%d %d\n", (int)old.soft, (int)old.hard);
	OK(open("file", O_RDONLY));
	OK(open("file", O_RDONLY));
	SAY(pipe(ends));
	SAY(dup(0));
	SAY(raw_getrlimit(999, P(&limit)));
	SAY(raw_setrlimit(999, P(&limit)));
	SAY(raw_getrlimit(RLIMIT_NOFILE, P(NOWHERE)));
	SAY(raw_prlimit64(0, RLIMIT_NOFILE, P(NOWHERE), 0));
	SAY(raw_prlimit64(999999, RLIMIT_NOFILE, 0, P(&limit)));
	// What is printed would be bounded, too, where it goes to a file.
	struct limit small = { 10, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	signal(SIGXFSZ, SIG_IGN);
	SAY(raw_prlimit64(0, RLIMIT_FSIZE, P(&small), P(&old)));
	long first = write(fd, "0123456", 7), second = write(fd, "789abc", 6), third = write(fd, "d", 1);
	int third_error = errno, longer = ftruncate(fd, 11), longer_error = errno, shorter = ftruncate(fd, 5);
	raw_prlimit64(0, RLIMIT_FSIZE, P(&none), 0);
	printf("wrote %ld, %ld, %ld %s\n", first, second, third, errno_name(third_error));
	printf("longer %d %s, shorter %d\n", longer, errno_name(longer_error), shorter);
	return 0;
}
