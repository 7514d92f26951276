#include <stddef.h>
#include "copy.h"

/* As memmove, but what does not overlap may be copied by a loop of words for longer. */
void *__memcpy_call(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	unsigned char *f = (unsigned char *)from;
	if (n > 128) {
		__asm__ volatile ("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.copy 0, 0" : : "r"(to), "r"(from), "r"(n) : "memory");
	} else if (n > 16) {
		size_t at = 0;
		for (; at + 16 < n; at += 16) {
			word8 a = WORD8(f, at), b = WORD8(f, at + 8);
			WORD8(t, at) = a;
			WORD8(t, at + 8) = b;
		}
		word8 a = WORD8(f, n - 16), b = WORD8(f, n - 8);
		WORD8(t, n - 16) = a;
		WORD8(t, n - 8) = b;
	} else if (n >= 8) {
		word8 a = WORD8(f, 0), b = WORD8(f, n - 8);
		WORD8(t, 0) = a;
		WORD8(t, n - 8) = b;
	} else if (n >= 4) {
		word4 a = WORD4(f, 0), b = WORD4(f, n - 4);
		WORD4(t, 0) = a;
		WORD4(t, n - 4) = b;
	} else if (n >= 2) {
		word2 a = WORD2(f, 0), b = WORD2(f, n - 2);
		WORD2(t, 0) = a;
		WORD2(t, n - 2) = b;
	} else if (n) {
		*t = *f;
	}
	return to;
}

/* The name of the standard; bits/string.h has the reason for the other one. */
__typeof(__memcpy_call) memcpy __attribute__((alias("__memcpy_call")));
