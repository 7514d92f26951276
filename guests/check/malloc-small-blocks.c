// Small blocks: aligned, apart, kept by realloc; freed by another thread; not kept by threads that have ended, nor by one size for ever.
// covers: mmap munmap
#include "check.h"

#include <malloc.h>
#include <pthread.h>

#define BLOCKS 20000

static unsigned char *blocks[BLOCKS];

static size_t size_of(unsigned i)
{
	return i * 2654435761u % 1100;
}

static int spoiled(unsigned i)
{
	size_t size = size_of(i);
	for (size_t j = 0; j < size; j++)
		if (blocks[i][j] != (unsigned char)(i * 31 + j)) return 1;
	return 0;
}

static void take(unsigned i)
{
	size_t size = size_of(i);
	blocks[i] = malloc(size);
	for (size_t j = 0; j < size; j++) blocks[i][j] = i * 31 + j;
}

static void *take_all(void *unused)
{
	for (unsigned i = 0; i < BLOCKS; i++) take(i);
	return unused;
}

static void *give_all(void *unused)
{
	for (unsigned i = 0; i < BLOCKS; i++) free(blocks[i]);
	return unused;
}

static void in_thread(void *(*function)(void *))
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, function, NULL) != 0) exit(98);
	pthread_join(thread, NULL);
}

static void *keep_a_few(void *unused)
{
	for (int i = 0; i < 50; i++) free(malloc(1000));
	return unused;
}

// Bytes of address space between the lowest and the highest of many blocks: what a program that only reuses does not exceed.
static int reuses(size_t size)
{
	uintptr_t low = -1, high = 0;
	static void *held[1000];
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 1000; i++) {
			held[i] = malloc(size);
			uintptr_t at = (uintptr_t)held[i];
			if (at < low) low = at;
			if (at > high) high = at;
		}
		for (int i = 0; i < 1000; i++) free(held[i]);
	}
	return high - low < 64 << 20;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int misaligned = 0, short_ones = 0, wrong = 0;
	take_all(NULL);
	for (unsigned i = 0; i < BLOCKS; i++) {
		misaligned += (uintptr_t)blocks[i] % 16 != 0;
		short_ones += malloc_usable_size(blocks[i]) < size_of(i);
		wrong += spoiled(i);
	}
	printf("%d misaligned, %d too short, %d spoiled\n", misaligned, short_ones, wrong);

	// Grown, shrunk, across the border to large ones and back.
	for (unsigned i = 0; i < BLOCKS; i += 7) {
		blocks[i] = realloc(blocks[i], 5000);
		memset(blocks[i] + size_of(i), 255, 5000 - size_of(i));
		blocks[i] = realloc(blocks[i], size_of(i) + 1);
		wrong += spoiled(i);
	}
	unsigned char *zero = NULL;
	for (int i = 0; i < 1000; i++) {
		zero = malloc(300);
		memset(zero, 255, 300);
		free(zero);
		zero = calloc(3, 100);
		for (int j = 0; j < 300; j++) wrong += zero[j] != 0;
		free(zero);
	}
	printf("%d spoiled\n", wrong);
	void *volatile impossible = calloc((size_t)-1 / 2, 3);
	HOLDS(impossible == NULL);

	in_thread(give_all);
	in_thread(take_all);
	for (unsigned i = 0; i < BLOCKS; i++) wrong += spoiled(i);
	give_all(NULL);
	for (int i = 0; i < 200; i++) in_thread(keep_a_few);
	printf("%d spoiled\n", wrong);
	HOLDS(reuses(16));
	HOLDS(reuses(900));
	return 0;
}
