// mremap moves a mapping to where it is told, over what was there; a shared one stays shared.
// covers: mremap mmap
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char *map = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(map, "moved");
	strcpy(map + 8 * 4096, "replaced");
	strcpy(map + 10 * 4096, "untouched");
	char *to = mremap(map, 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, map + 8 * 4096);
	HOLDS(to == map + 8 * 4096);
	printf("%s, %s, %d\n", to, to + 2 * 4096, to[4096]);
	SAY((long)mremap(map, 4096, 2 * 4096, MREMAP_MAYMOVE, NULL));
	SAY((long)mremap(to, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	SAY((long)mremap(to, 4096, 4096, MREMAP_FIXED, map));
	SAY((long)mremap(to + 1, 4096, 4096, 0, NULL));
	SAY((long)mremap(to, 4096, 0, 0, NULL));
	SAY((long)mremap(to, 4096, 4096, 64, NULL));

	int fd = make_file("file", "0123456789");
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *moved = mremap(shared, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, map + 4 * 4096);
	HOLDS(moved == map + 4 * 4096);
	memcpy(moved, "shared", 6);
	SAY(munmap(moved, 4096));
	show_file("file");
	return 0;
}
