#include <stddef.h>
#include "copy.h"

/* As memcpy: up to 64 bytes by words. */
void *__memset_call(void *to, int byte, size_t n)
{
	unsigned char *t = to;
	word8 fill = (unsigned char)byte * 0x0101010101010101ull;
	if (n > 64) {
		__asm__ volatile ("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.fill 0" : : "r"(to), "r"(byte), "r"(n) : "memory");
	} else if (n >= 8) {
		for (size_t at = 0; at + 8 < n; at += 8) WORD8(t, at) = fill;
		WORD8(t, n - 8) = fill;
	} else if (n >= 4) {
		WORD4(t, 0) = fill;
		WORD4(t, n - 4) = fill;
	} else {
		for (size_t at = 0; at < n; at++) t[at] = byte;
	}
	return to;
}

/* The name of the standard; bits/string.h has the reason for the other one. */
__typeof(__memset_call) memset __attribute__((alias("__memset_call")));
