// A child gets no copy of what shall be left out, and zeroes for what shall be wiped.
// covers: madvise fork
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	unsigned char vec[1];
	char *copied = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *wiped = copied + 4096, *left = copied + 2 * 4096;
	*copied = *wiped = *left = 'x';
	SAY(madvise(wiped, 4096, MADV_WIPEONFORK));
	SAY(madvise(left, 4096, MADV_DONTFORK));
	pid_t child = fork();
	if (child == 0) {
		printf("child: %d %d\n", *copied, *wiped);
		SAY(mincore(left, 4096, vec));
		_exit(0);
	}
	reap("child", child);
	printf("parent: %d %d %d\n", *copied, *wiped, *left);
	SAY(madvise(wiped, 4096, MADV_KEEPONFORK));
	SAY(madvise(left, 4096, MADV_DOFORK));
	child = fork();
	if (child == 0) {
		printf("child: %d %d %d\n", *copied, *wiped, *left);
		_exit(0);
	}
	reap("child", child);
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	SAY(madvise(shared, 4096, MADV_WIPEONFORK));
	return 0;
}
