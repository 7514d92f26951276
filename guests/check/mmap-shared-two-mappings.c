// Two shared mappings of one file are one memory, and what is written there is in the file: for read, after msync, after munmap.
// covers: mmap munmap msync
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "0123456789");
	char *one = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int other = open("file", O_RDWR);
	char *two = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	HOLDS(one != MAP_FAILED && two != MAP_FAILED);
	one[0] = 'A';
	two[1] = 'B';
	printf("%.10s %.10s\n", one, two);
	SAY(msync(one, 4096, MS_SYNC));
	show_file("file");
	two[2] = 'C';
	SAY(munmap(two, 4096));
	show_file("file");
	printf("%.10s\n", one);
	one[3] = 'D';
	close(fd);
	close(other);
	SAY(munmap(one, 4096));
	show_file("file");
	struct stat st;
	stat("file", &st);
	printf("size %ld\n", (long)st.st_size);
	return 0;
}
