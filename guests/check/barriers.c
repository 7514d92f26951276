// A barrier lets all through when the last one has come, one of them as the serial one, again and again.
// covers: futex
#include "check.h"
#include <pthread.h>

static pthread_barrier_t barrier;
static int serial, before, early;

static void *work(void *argument)
{
	for (int round = 0; round < 10; round++) {
		__atomic_add_fetch(&before, 1, __ATOMIC_SEQ_CST);
		int result = pthread_barrier_wait(&barrier);
		if (__atomic_load_n(&before, __ATOMIC_SEQ_CST) < 4 * (round + 1))
			early++;
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
		else if (result != 0)
			printf("%s\n", errno_name(result));
		pthread_barrier_wait(&barrier);
	}
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[4];
	SAY_ERROR(pthread_barrier_init(&barrier, NULL, 0));
	SAY_ERROR(pthread_barrier_init(&barrier, NULL, 4));
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("serial %d, before %d, early %d\n", serial, before, early);
	SAY_ERROR(pthread_barrier_destroy(&barrier));
	return 0;
}
