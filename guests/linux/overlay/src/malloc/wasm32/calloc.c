#include "small_blocks.h"

/* The library's calloc, for what is larger: that may be known to be zero. */
#define calloc __large_calloc
#include "../calloc.c"
#undef calloc

void *calloc(size_t m, size_t n)
{
	size_t bytes;
	if (__builtin_mul_overflow(m, n, &bytes) || bytes > SMALL_MAX) return __large_calloc(m, n);
	void *p = malloc(bytes);
	return p ? memset(p, 0, bytes) : 0;
}
