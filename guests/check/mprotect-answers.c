// mprotect takes mapped pages and refuses addresses within one, strange protections and what is not mapped.
// covers: mprotect
#include "check.h"
#include <sys/mman.h>

RAW3(mprotect)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(raw_mprotect(P(p), 4096, PROT_READ));
	SAY(raw_mprotect(P(p), 4096, PROT_READ | PROT_WRITE));
	p[0] = 1;
	SAY(raw_mprotect(P(p), 4095, PROT_NONE));
	SAY(raw_mprotect(P(p), 4096, PROT_READ | PROT_WRITE));
	printf("%d\n", p[0]);
	SAY(raw_mprotect(P(p + 100), 4096, PROT_READ));
	SAY(raw_mprotect(P(p), 4096, 0x12345670));
	SAY(raw_mprotect(P(p), 0, PROT_READ));
	munmap(p + 4096, 4096);
	SAY(raw_mprotect(P(p), 3 * 4096, PROT_READ | PROT_WRITE));
	p[2 * 4096] = 2;
	printf("%d\n", p[2 * 4096]);
	return 0;
}
