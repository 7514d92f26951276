// A reader of an eventfd waits for the writer in another thread.
// covers: eventfd2 read write
#include "check.h"
#include <pthread.h>
#include <sys/eventfd.h>

static void *writer(void *fd)
{
	uint64_t value = 7;
	sleep_ms(20);
	write((int)(intptr_t)fd, &value, 8);
	return NULL;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uint64_t value;
	pthread_t thread;
	int fd = eventfd(0, 0);
	long before = now_ms();
	pthread_create(&thread, NULL, writer, (void *)(intptr_t)fd);
	SAY(read(fd, &value, 8));
	HOLDS(now_ms() - before >= 10);
	printf("value %d\n", (int)value);
	SAY_ERROR(pthread_join(thread, NULL));
	return 0;
}
