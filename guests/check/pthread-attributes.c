// Stack sizes and guard sizes read back; a thread can use the stack it asked for, or one it was given.
// covers: mmap futex
#include "check.h"
#include <limits.h>
#include <pthread.h>

static int deep(int depth)
{
	volatile char space[1000];
	space[0] = (char)depth;
	space[999] = (char)(depth + 1);
	return depth == 0 ? 0 : deep(depth - 1) + (space[0] == (char)depth && space[999] == (char)(depth + 1));
}

static void *work(void *depth)
{
	return (void *)(intptr_t)deep((int)(intptr_t)depth);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t thread;
	pthread_attr_t attributes;
	size_t size = 0;
	void *value;
	static char own[512 * 1024] __attribute__((aligned(65536)));
	pthread_attr_init(&attributes);
	SAY_ERROR(pthread_attr_setstacksize(&attributes, 2 << 20));
	SAY_ERROR(pthread_attr_getstacksize(&attributes, &size));
	printf("%d\n", (int)size);
	SAY_ERROR(pthread_create(&thread, &attributes, work, (void *)1500));
	SAY_ERROR(pthread_join(thread, &value));
	printf("depth %d\n", (int)(intptr_t)value);
	SAY_ERROR(pthread_attr_setstacksize(&attributes, 10));
	SAY_ERROR(pthread_attr_setguardsize(&attributes, 65536));
	SAY_ERROR(pthread_attr_getguardsize(&attributes, &size));
	printf("%d\n", (int)size);
	SAY_ERROR(pthread_attr_setstack(&attributes, own, sizeof own));
	SAY_ERROR(pthread_create(&thread, &attributes, work, (void *)200));
	SAY_ERROR(pthread_join(thread, &value));
	printf("depth %d\n", (int)(intptr_t)value);
	SAY_ERROR(pthread_attr_destroy(&attributes));
	return 0;
}
