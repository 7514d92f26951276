/* The names, for whoever calls them without the header's macros; the compiler turns a call of longjmp into __wasm_longjmp itself. */
#include <setjmp.h>

#undef siglongjmp
#undef _longjmp

_Noreturn void __wasm_longjmp(void *env, int value);

_Noreturn void __longjmp_function(jmp_buf env, int value) __asm__("longjmp");

_Noreturn void __longjmp_function(jmp_buf env, int value)
{
	__wasm_longjmp(env, value);
}

_Noreturn void _longjmp(jmp_buf env, int value)
{
	__wasm_longjmp(env, value);
}

_Noreturn void siglongjmp(sigjmp_buf env, int value)
{
	__sigjmp_restore(env);
	__wasm_longjmp(env, value);
}
