/* Handlers are indices of the function table; flags are x86-64's unsigned long, unaligned. */
#include <features.h>

struct __attribute__((__packed__)) k_sigaction {
	void (*handler)(int);
	unsigned long long flags;
	void (*restorer)(void);
	unsigned mask[2];
};

hidden void __restore(void), __restore_rt(void);
