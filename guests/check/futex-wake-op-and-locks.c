// FUTEX_WAKE_OP changes a second word and wakes there if its old value compares; a lock of priority inheritance is handed over.
// covers: futex
#include "check.h"
#include <pthread.h>

RAW6(futex)
#define WAIT 128
#define WAKE 129
#define WAKE_OP 133
#define LOCK_PI 134
#define UNLOCK_PI 135
#define TRYLOCK_PI 136
#define OP(op, oparg, cmp, cmparg) ((int)((unsigned)(op) << 28 | (cmp) << 24 | ((oparg) & 0xfff) << 12 | ((cmparg) & 0xfff)))

static int first, second, lock;
static volatile int woken, started;

static void *sleeper(void *word)
{
	int value = *(int *)word;
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	raw_futex(P(word), WAIT, value, 0, 0, 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static long locked, held, unlocked;

static void *locker(void *argument)
{
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	locked = raw_futex(P(&lock), LOCK_PI, 0, 0, 0, 0);
	held = lock & 0x3fffffff;
	unlocked = raw_futex(P(&lock), UNLOCK_PI, 0, 0, 0, 0);
	return argument;
}

static void wait_for(volatile int *what, int count)
{
	for (int i = 0; i < 2000 && *what < count; i++)
		sleep_ms(1);
	sleep_ms(30);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[2];
	for (int equal = 1; equal >= 0; equal--) {
		started = woken = 0;
		first = 0;
		second = 5;
		pthread_create(&threads[0], NULL, sleeper, &first);
		pthread_create(&threads[1], NULL, sleeper, &second);
		wait_for(&started, 2);
		SAY(raw_futex(P(&first), WAKE_OP, 1, 1, P(&second), OP(1, -2, equal ? 0 : 1, 5)));
		printf("second: %d\n", second);
		wait_for(&woken, equal ? 2 : 1);
		printf("woken: %d\n", woken);
		raw_futex(P(&second), WAKE, 1, 0, 0, 0);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
	}
	SAY(raw_futex(P(&first), WAKE_OP, 1, 1, P(&second) + 1, 0));
	started = 0;
	SAY(raw_futex(P(&lock), UNLOCK_PI, 0, 0, 0, 0));
	SAY(raw_futex(P(&lock), LOCK_PI, 0, 0, 0, 0));
	SAY(raw_futex(P(&lock), LOCK_PI, 0, 0, 0, 0));
	pthread_create(&threads[0], NULL, locker, NULL);
	wait_for(&started, 1);
	SAY(raw_futex(P(&lock), UNLOCK_PI, 0, 0, 0, 0));
	pthread_join(threads[0], NULL);
	printf("the other: %ld, %s, %ld\n", locked, held ? "held" : "not held", unlocked);
	printf("lock: %d\n", lock);
	SAY(raw_futex(P(&lock), TRYLOCK_PI, 0, 0, 0, 0));
	SAY(raw_futex(P(&lock), UNLOCK_PI, 0, 0, 0, 0));
	return 0;
}
