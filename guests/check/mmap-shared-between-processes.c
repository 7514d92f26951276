// Parent and child share a shared mapping, of a file or anonymous, and a semaphore in it.
// covers: mmap fork wait4 futex
#include "check.h"
#include <semaphore.h>
#include <sys/mman.h>

struct shared {
	sem_t ready, answered;
	volatile int number;
};

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "");
	ftruncate(fd, 4096);
	volatile int *file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_init(&s->ready, 1, 0);
	sem_init(&s->answered, 1, 0);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++) {
			sem_wait(&s->ready);
			s->number *= 2;
			file[i] = s->number;
			sem_post(&s->answered);
		}
		_exit(0);
	}
	for (int i = 0; i < 3; i++) {
		s->number = 10 + i;
		sem_post(&s->ready);
		sem_wait(&s->answered);
		printf("%d %d\n", s->number, file[i]);
	}
	reap("child", child);
	return 0;
}
