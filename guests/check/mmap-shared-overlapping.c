// Two shared mappings that overlap in part show each other's writes, and both reach the file.
// covers: mmap munmap
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char got[32] = "";
	int fd = make_file("file", "");
	ftruncate(fd, 3 * 4096);
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *high = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	strcpy(low + 4096, "by the low one");
	getppid();
	printf("high: %s\n", high);
	memcpy(high, "BY", 2);
	getppid();
	printf("low: %s\n", low + 4096);
	memcpy(low + 4096 + 3, "THE", 3);
	memcpy(high + 7, "LOW", 3);
	SAY(pread(fd, got, 15, 4096));
	printf("file: %s\n", got);
	printf("low: %s, high: %s\n", low + 4096, high);
	SAY(munmap(low, 8192));
	strcpy(high + 11, "ONE");
	SAY(munmap(high, 8192));
	SAY(pread(fd, got, 15, 4096));
	printf("file: %s\n", got);
	return 0;
}
