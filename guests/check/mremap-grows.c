// mremap grows and shrinks a mapping, moves it where it must and may, and keeps what it holds.
// covers: mremap
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(p, "first page");
	strcpy(p + 3 * 4096, "last page");
	char *q = mremap(p, 4 * 4096, 64 * 4096, MREMAP_MAYMOVE);
	HOLDS(q != MAP_FAILED);
	printf("%s, %s, %d\n", q, q + 3 * 4096, q[63 * 4096]);
	q[63 * 4096] = 7;
	HOLDS(mremap(q, 64 * 4096, 2 * 4096, 0) == q);
	printf("%s\n", q);
	char *blocked = mmap(q + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	HOLDS(blocked == q + 2 * 4096);
	HOLDS(mremap(q, 2 * 4096, 4 * 4096, 0) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	char *r = mremap(q, 2 * 4096, 4 * 4096, MREMAP_MAYMOVE);
	HOLDS(r != MAP_FAILED && r != q);
	printf("%s, %d\n", r, r[3 * 4096]);
	HOLDS(mremap(r, 4 * 4096, 4 * 4096, 0) == r);
	HOLDS(mremap(r + 1, 4096, 4096, 0) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	HOLDS(mremap(r, 4096, 0, 0) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	HOLDS(mremap(r, 4096, 4096, 0x100) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	munmap(r, 4 * 4096);
	HOLDS(mremap(r, 4096, 2 * 4096, MREMAP_MAYMOVE) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	return 0;
}
