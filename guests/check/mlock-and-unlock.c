// Memory can be locked and unlocked, page by page or all of it; what is not mapped cannot.
// covers: mlock mlock2 munlock mlockall munlockall
#include "check.h"
#include <sys/mman.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

RAW3(mlock2)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(mlock(map, page));
	SAY(mlock(map + 10, page));
	SAY(madvise(map, page, MADV_DONTNEED));
	SAY(msync(map, page, MS_ASYNC | MS_INVALIDATE));
	SAY(munlock(map, 2 * page));
	SAY(madvise(map, page, MADV_DONTNEED));
	SAY(raw_mlock2(P(map), page, MLOCK_ONFAULT));
	SAY(raw_mlock2(P(map), page, 0));
	SAY(raw_mlock2(P(map), page, 8));
	SAY(munlock(map, page));
	SAY(mlock(map, 0));
	munmap(map + 2 * page, page);
	SAY(mlock(map, 4 * page));
	SAY(munlock(map, 4 * page));
	SAY(munlock(map, 2 * page));
	SAY(mlockall(0));
	SAY(mlockall(64));
	SAY(mlockall(MCL_FUTURE));
	char *more = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(madvise(more, page, MADV_DONTNEED));
	SAY(munlockall());
	SAY(madvise(more, page, MADV_DONTNEED));
	return 0;
}
