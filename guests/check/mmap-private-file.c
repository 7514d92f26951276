// A private mapping shows the file and keeps its changes to itself; the rest of the last page is zero; the descriptor may go.
// covers: mmap munmap
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "0123456789");
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	HOLDS(map != MAP_FAILED);
	SAY(close(fd));
	printf("%.10s, then %d\n", map, map[10]);
	memcpy(map, "AB", 2);
	show_file("file");
	printf("%.10s\n", map);
	SAY(munmap(map, 4096));
	show_file("file");
	fd = open("file", O_RDWR);
	ftruncate(fd, 3 * 4096);
	pwrite(fd, "second", 6, 4096);
	pwrite(fd, "third", 5, 2 * 4096);
	map = mmap(NULL, 2 * 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
	printf("%.6s %.5s\n", map, map + 4096);
	HOLDS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	return 0;
}
