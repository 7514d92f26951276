// futex waits only while the word holds the value, wakes as many as it is told, and keeps its timeouts.
// covers: futex
#include "check.h"
#include <limits.h>
#include <pthread.h>

RAW6(futex)
#define WAIT 0
#define WAKE 1
#define REQUEUE 3
#define CMP_REQUEUE 4
#define WAIT_BITSET 9
#define WAKE_BITSET 10
#define PRIVATE 128

struct kernel_time {
	int64_t sec, nsec;
};

static int word, other;
static volatile int started, woken;

static void *sleeper(void *argument)
{
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	raw_futex(P(&word), WAIT | PRIVATE, 0, 0, 0, 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return argument;
}

static void *bit_sleeper(void *bits)
{
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	raw_futex(P(&word), WAIT_BITSET | PRIVATE, 0, 0, 0, P(bits));
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void settle(int count)
{
	for (int i = 0; i < 2000 && (woken < count || started < count); i++)
		sleep_ms(1);
	sleep_ms(10);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[5];
	struct kernel_time short_time = { 0, 20000000 }, bad = { 0, 1000000000 }, no_time = { 0, 0 };
	word = 1;
	SAY(raw_futex(P(&word), WAIT | PRIVATE, 0, 0, 0, 0));
	long before = now_ms();
	SAY(raw_futex(P(&word), WAIT | PRIVATE, 1, P(&short_time), 0, 0));
	HOLDS(now_ms() - before >= 19);
	SAY(raw_futex(P(&word), WAIT | PRIVATE, 1, P(&no_time), 0, 0));
	SAY(raw_futex(P(&word), WAIT | PRIVATE, 1, P(&bad), 0, 0));
	SAY(raw_futex(P(&word), WAKE | PRIVATE, 1, 0, 0, 0));
	struct kernel_time past = { 0, 1 };
	SAY(raw_futex(P(&word), WAIT_BITSET | PRIVATE, 1, P(&past), 0, -1));
	SAY(raw_futex(P(&word), WAIT_BITSET | PRIVATE, 1, P(&past), 0, 0));
	SAY(raw_futex(P(&word) + 1, WAIT, 1, 0, 0, 0));
	SAY(raw_futex(P(NOWHERE), WAIT, 1, 0, 0, 0));
	SAY(raw_futex(P(&word), 77, 1, 0, 0, 0));
	word = 0;
	for (int i = 0; i < 5; i++)
		pthread_create(&threads[i], NULL, sleeper, NULL);
	for (int i = 0; i < 2000 && started < 5; i++)
		sleep_ms(1);
	sleep_ms(50);
	SAY(raw_futex(P(&word), WAKE | PRIVATE, 2, 0, 0, 0));
	for (int i = 0; i < 2000 && woken < 2; i++)
		sleep_ms(1);
	printf("woken %d\n", woken);
	SAY(raw_futex(P(&word), CMP_REQUEUE | PRIVATE, 1, 1, P(&other), 99));
	SAY(raw_futex(P(&word), CMP_REQUEUE | PRIVATE, 1, INT_MAX, P(&other), 0));
	for (int i = 0; i < 2000 && woken < 3; i++)
		sleep_ms(1);
	printf("woken %d\n", woken);
	SAY(raw_futex(P(&word), WAKE | PRIVATE, 10, 0, 0, 0));
	SAY(raw_futex(P(&other), WAKE | PRIVATE, 10, 0, 0, 0));
	settle(5);
	printf("woken %d\n", woken);
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	started = woken = 0;
	pthread_create(&threads[0], NULL, bit_sleeper, (void *)1);
	pthread_create(&threads[1], NULL, bit_sleeper, (void *)2);
	for (int i = 0; i < 2000 && started < 2; i++)
		sleep_ms(1);
	sleep_ms(50);
	SAY(raw_futex(P(&word), WAKE_BITSET | PRIVATE, 10, 0, 0, 4));
	SAY(raw_futex(P(&word), WAKE_BITSET | PRIVATE, 10, 0, 0, 2));
	SAY(raw_futex(P(&word), WAKE_BITSET | PRIVATE, 10, 0, 0, -1));
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
