// The break moves up and down; memory that comes back is zero. What cannot be leaves it where it is.
// covers: brk
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uintptr_t start = (uintptr_t)syscall(SYS_brk, 0);
	uintptr_t page = (start + 4095) & ~(uintptr_t)4095;
	HOLDS((uintptr_t)syscall(SYS_brk, page + 16384) == page + 16384);
	memset((void *)page, 7, 16384);
	HOLDS((uintptr_t)syscall(SYS_brk, page + 4096) == page + 4096);
	HOLDS((uintptr_t)syscall(SYS_brk, page + 8192) == page + 8192);
	printf("%d %d\n", *(char *)page, *(char *)(page + 4096));
	HOLDS((uintptr_t)syscall(SYS_brk, 4096) == page + 8192);
	HOLDS((uintptr_t)syscall(SYS_brk, (uintptr_t)-4096) == page + 8192);
	HOLDS((uintptr_t)syscall(SYS_brk, start) == start);
	return 0;
}
