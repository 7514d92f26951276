// MADV_DONTNEED gives anonymous memory back, zeroed, and a private file mapping its file's bytes; other advice changes nothing.
// covers: madvise
#include "check.h"
#include <sys/mman.h>

RAW3(madvise)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "0123456789");
	char *p = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	p[0] = p[4096] = f[0] = 'x';
	SAY(raw_madvise(P(p), 2 * 4096, MADV_NORMAL));
	SAY(raw_madvise(P(p), 2 * 4096, MADV_WILLNEED));
	SAY(raw_madvise(P(p), 2 * 4096, MADV_SEQUENTIAL));
	printf("%d %d\n", p[0], p[4096]);
	SAY(raw_madvise(P(p), 4096, MADV_DONTNEED));
	printf("%d %d\n", p[0], p[4096]);
	SAY(raw_madvise(P(f), 4096, MADV_DONTNEED));
	printf("%.10s\n", f);
	SAY(raw_madvise(P(p), 4096, 9999));
	SAY(raw_madvise(P(p + 1), 4096, MADV_NORMAL));
	SAY(raw_madvise(P(p), 0, MADV_DONTNEED));
	munmap(p, 2 * 4096);
	SAY(raw_madvise(P(p), 4096, MADV_DONTNEED));
	return 0;
}
