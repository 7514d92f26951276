// Anonymous memory comes zeroed, page by page, anywhere or where a fixed mapping puts it, and goes back with munmap.
// covers: mmap munmap
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	long page = sysconf(_SC_PAGESIZE), nonzero = 0;
	HOLDS(page >= 4096 && (page & (page - 1)) == 0);
	size_t size = (size_t)page * 16;
	unsigned char *a = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	HOLDS(a != MAP_FAILED && (uintptr_t)a % (uintptr_t)page == 0);
	for (size_t i = 0; i < size; i++)
		nonzero += a[i] != 0;
	printf("%ld bytes are not zero\n", nonzero);
	memset(a, 'x', size);
	unsigned char *b = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	HOLDS(b + page <= a || b >= a + size);
	b[page - 1] = 1;
	unsigned char *middle = a + 4 * page;
	HOLDS(mmap(middle, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == middle);
	printf("%d %d %d\n", middle[-1], middle[0], middle[page]);
	SAY(munmap(middle, (size_t)page * 2));
	SAY(munmap(middle, (size_t)page * 2));
	HOLDS(mmap(middle, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
	      middle);
	HOLDS(mmap(a, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	printf("%d %d\n", a[0], middle[0]);
	SAY(munmap(a, size));
	for (int i = 0; i < 2000; i++) {
		unsigned char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED || p[0] || p[(1 << 20) - 1]) {
			printf("mapping %d failed or is dirty\n", i);
			break;
		}
		p[0] = p[(1 << 20) - 1] = 1;
		munmap(p, 1 << 20);
	}
	return 0;
}
