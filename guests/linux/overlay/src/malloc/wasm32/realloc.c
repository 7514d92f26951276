#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "small_blocks.h"

void *realloc(void *p, size_t n)
{
	if (!p) return malloc(n);
	size_t bytes = __small_block_bytes(p);
	if (!bytes) return __libc_realloc(p, n);
	if (n <= SMALL_MAX && __small_class_bytes(n) == bytes) return p;
	void *new = malloc(n);
	if (!new) return 0;
	memcpy(new, p, n < bytes ? n : bytes);
	free(p);
	return new;
}
