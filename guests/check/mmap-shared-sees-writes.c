// A shared mapping sees what write and pwrite put into its file.
// covers: mmap write pwrite64 read
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16] = "";
	int fd = make_file("file", "0123456789");
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SAY(pwrite(fd, "AB", 2, 4));
	printf("%.10s\n", map);
	map[0] = 'z';
	SAY(pread(fd, text, 10, 0));
	printf("%.10s\n", text);
	SAY(lseek(fd, 0, SEEK_END));
	SAY(write(fd, "more", 4));
	printf("%.14s\n", map);
	ftruncate(fd, 5);
	SAY(pread(fd, text, 10, 0));
	ftruncate(fd, 10);
	printf("%.5s %d %d\n", map, map[5], map[9]);
	return 0;
}
