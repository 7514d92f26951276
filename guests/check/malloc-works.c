// The allocator, on top of mmap and brk: sizes from one byte to megabytes, realloc keeps, calloc clears, memory comes back.
// covers: mmap munmap mremap
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static unsigned char *blocks[500];
	size_t sizes[500];
	uint32_t seed = 7;
	int wrong = 0;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 500; i++) {
			seed = seed * 1103515245 + 12345;
			if (blocks[i]) {
				for (size_t j = 0; j < sizes[i]; j += 97)
					wrong += blocks[i][j] != (unsigned char)i;
				if (seed & 0x10000) {
					size_t size = sizes[i] * 2 % 300000 + 1;
					blocks[i] = realloc(blocks[i], size);
					wrong += blocks[i][0] != (unsigned char)i;
					sizes[i] = size;
					memset(blocks[i], i, size);
				} else {
					free(blocks[i]);
					blocks[i] = NULL;
				}
			} else {
				sizes[i] = (seed >> 8) % (i % 50 == 0 ? 300000 : 2000) + 1;
				blocks[i] = malloc(sizes[i]);
				memset(blocks[i], i, sizes[i]);
			}
		}
	}
	printf("%d wrong\n", wrong);
	unsigned char *zero = calloc(1000, 1000);
	for (int i = 0; i < 1000000; i++)
		wrong += zero[i] != 0;
	free(zero);
	char *big = malloc(20 << 20);
	big[0] = 'a';
	big = realloc(big, 30 << 20);
	printf("%d wrong, %c\n", wrong, big[0]);
	free(big);
	void *volatile impossible = malloc((size_t)-1 / 2 + 10);
	HOLDS(impossible == NULL);
	void *aligned = NULL;
	SAY_ERROR(posix_memalign(&aligned, 4096, 10000));
	HOLDS((uintptr_t)aligned % 4096 == 0);
	return 0;
}
