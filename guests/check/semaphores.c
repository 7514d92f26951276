// Semaphores count, wait, time out, and work by name between processes.
// covers: futex openat mmap linkat unlink
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t semaphore;

static void *poster(void *argument)
{
	for (int i = 0; i < 3; i++) {
		sleep_ms(3);
		sem_post(&semaphore);
	}
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t thread;
	int value;
	struct timespec past = { 1, 0 };
	SAY(sem_init(&semaphore, 0, 2));
	SAY(sem_trywait(&semaphore));
	SAY(sem_wait(&semaphore));
	SAY(sem_trywait(&semaphore));
	SAY(sem_timedwait(&semaphore, &past));
	pthread_create(&thread, NULL, poster, NULL);
	for (int i = 0; i < 3; i++)
		SAY(sem_wait(&semaphore));
	pthread_join(thread, NULL);
	SAY(sem_getvalue(&semaphore, &value));
	printf("value %d\n", value);
	SAY(sem_destroy(&semaphore));
	char name[40];
	snprintf(name, sizeof name, "/ringzero-check-%ld", (long)getpid());
	sem_t *named = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	HOLDS(named != SEM_FAILED);
	HOLDS(sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	printf("%s\n", errno_name(errno));
	pid_t child = fork();
	if (child == 0) {
		sem_t *mine = sem_open(name, 0);
		SAY(sem_wait(mine));
		SAY(sem_post(named));
		SAY(sem_post(mine));
		_exit(0);
	}
	reap("child", child);
	sem_getvalue(named, &value);
	printf("value %d\n", value);
	SAY(sem_unlink(name));
	SAY(sem_unlink(name));
	HOLDS(sem_open(name, 0) == SEM_FAILED);
	printf("%s\n", errno_name(errno));
	SAY(sem_post(named));
	SAY(sem_close(named));
	return 0;
}
