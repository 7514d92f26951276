// pthread_once runs its function once; thread-specific values end in their destructors, again while these set new ones.
// covers: futex
#include "check.h"
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key, again, plain;
static int initialised, destroyed, sum, rounds;

static void initialise(void)
{
	sleep_ms(5);
	initialised++;
}

static void destructor(void *value)
{
	destroyed++;
	sum += (int)(intptr_t)value;
	if (pthread_getspecific(key) != NULL)
		printf("the value is still there\n");
}

static void persistent(void *value)
{
	rounds++;
	pthread_setspecific(again, value);
}

static void *work(void *number)
{
	pthread_once(&once, initialise);
	if (initialised != 1)
		printf("not initialised\n");
	if (pthread_getspecific(key) != NULL)
		printf("a value from nowhere\n");
	pthread_setspecific(key, number);
	pthread_setspecific(plain, number);
	if (number == (void *)3)
		pthread_setspecific(again, number);
	return pthread_getspecific(key) == number ? NULL : number;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[6];
	SAY_ERROR(pthread_key_create(&key, destructor));
	SAY_ERROR(pthread_key_create(&again, persistent));
	SAY_ERROR(pthread_key_create(&plain, NULL));
	for (long i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	printf("initialised %d, destroyed %d, sum %d, rounds %d\n", initialised, destroyed, sum, rounds);
	SAY_ERROR(pthread_key_delete(plain));
	return 0;
}
