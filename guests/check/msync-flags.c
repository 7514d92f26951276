// msync takes one of its two ways, whole pages, and mapped memory.
// covers: msync
#include "check.h"
#include <sys/mman.h>

RAW3(msync)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "0123456789");
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[0] = 'x';
	SAY(raw_msync(P(p), 4096, MS_ASYNC));
	SAY(raw_msync(P(p), 4096, MS_SYNC));
	show_file("file");
	SAY(raw_msync(P(p), 4096, MS_SYNC | MS_INVALIDATE));
	SAY(raw_msync(P(p), 4096, MS_SYNC | MS_ASYNC));
	SAY(raw_msync(P(p), 4096, 0x100));
	SAY(raw_msync(P(p), 4096, 0));
	SAY(raw_msync(P(p + 1), 4096, MS_SYNC));
	SAY(raw_msync(P(p), 0, MS_SYNC));
	munmap(p, 4096);
	SAY(raw_msync(P(p), 4096, MS_SYNC));
	return 0;
}
