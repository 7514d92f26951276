#include <string.h>

void *memset(void *to, int byte, size_t n)
{
	__asm__ volatile ("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.fill 0" : : "r"(to), "r"(byte), "r"(n) : "memory");
	return to;
}
