// mincore says which pages are in memory: those that have been touched are.
// covers: mincore mmap
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	long page = sysconf(_SC_PAGESIZE);
	unsigned char vec[8] = { 0xee, 0xee, 0xee, 0xee };
	char *map = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(map, 1, 4 * page);
	SAY(mincore(map, 2 * page + 1, vec));
	printf("%d %d %d %x\n", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3]);
	SAY(mincore(map, 0, vec));
	SAY(mincore(map + 1, page, vec));
	SAY(mincore(map, page, NOWHERE));
	munmap(map + 2 * page, page);
	SAY(mincore(map, 4 * page, vec));
	SAY(mincore(map, 2 * page, vec));
	return 0;
}
