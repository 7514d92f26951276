// Many readers or one writer.
// covers: futex
#include "check.h"
#include <pthread.h>

static int readers_in;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void *try(void *argument)
{
	SAY_ERROR(pthread_rwlock_tryrdlock(&lock));
	return argument;
}

static void *try_write(void *argument)
{
	SAY_ERROR(pthread_rwlock_trywrlock(&lock));
	return argument;
}

static void *read_and_release(void *argument)
{
	pthread_rwlock_rdlock(&lock);
	__atomic_add_fetch(&readers_in, 1, __ATOMIC_SEQ_CST);
	pthread_rwlock_unlock(&lock);
	return argument;
}

static void in_thread(void *(*function)(void *))
{
	pthread_t thread;
	pthread_create(&thread, NULL, function, NULL);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	SAY_ERROR(pthread_rwlock_rdlock(&lock));
	SAY_ERROR(pthread_rwlock_rdlock(&lock));
	in_thread(try);
	in_thread(try_write);
	SAY_ERROR(pthread_rwlock_trywrlock(&lock));
	SAY_ERROR(pthread_rwlock_unlock(&lock));
	SAY_ERROR(pthread_rwlock_unlock(&lock));
	SAY_ERROR(pthread_rwlock_unlock(&lock));
	SAY_ERROR(pthread_rwlock_wrlock(&lock));
	in_thread(try);
	in_thread(try_write);
	pthread_t readers[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&readers[i], NULL, read_and_release, NULL);
	sleep_ms(15);
	printf("readers in: %d\n", readers_in);
	SAY_ERROR(pthread_rwlock_unlock(&lock));
	for (int i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	printf("readers in: %d\n", readers_in);
	struct timespec past = { 1, 0 };
	pthread_rwlock_rdlock(&lock);
	SAY_ERROR(pthread_rwlock_timedwrlock(&lock, &past));
	pthread_rwlock_unlock(&lock);
	SAY_ERROR(pthread_rwlock_destroy(&lock));
	return 0;
}
