#include <string.h>

void *memmove(void *to, const void *from, size_t n)
{
	__asm__ volatile ("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.copy 0, 0" : : "r"(to), "r"(from), "r"(n) : "memory");
	return to;
}
