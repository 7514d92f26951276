// shm_open makes memory with a name, which another process maps under that name.
// covers: openat mmap ftruncate fork unlink
#include "check.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char name[40];
	snprintf(name, sizeof name, "/ringzero-check-%ld", (long)getpid());
	int fd = OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	SAY(ftruncate(fd, 4096));
	volatile char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory[0] = 'p';
	pid_t child = fork();
	if (child == 0) {
		int mine = shm_open(name, O_RDWR, 0);
		volatile char *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mine, 0);
		printf("%c\n", other[0]);
		other[1] = 'c';
		_exit(0);
	}
	reap("child", child);
	printf("%c\n", memory[1]);
	SAY(shm_unlink(name));
	SAY(shm_open(name, O_RDWR, 0));
	printf("%c\n", memory[0]);
	return 0;
}
