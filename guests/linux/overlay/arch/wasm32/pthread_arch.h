/* The thread pointer is a global of the module. Every thread is an instance, so every thread has its own. */
static inline uintptr_t __get_tp(void)
{
	uintptr_t tp;
	__asm__(".globaltype __thread_pointer, i32\n"
	        "global.get __thread_pointer\n"
	        "local.set %0" : "=r"(tp));
	return tp;
}
