/*
 * What `-mllvm -wasm-enable-sjlj` calls. A setjmp notes in which invocation of which function it stands, and its label there;
 * a longjmp throws its buffer; the function that catches it asks whether the buffer is one of its own invocation.
 */
#include <stdint.h>

struct jump {
	void *invocation;
	uint32_t label;
	struct {
		void *env;
		int value;
	} argument;
};

_Static_assert(sizeof(struct jump) <= 8 * sizeof(long), "__jmp_buf is too small");

void __wasm_setjmp(void *env, uint32_t label, void *invocation)
{
	struct jump *jump = env;
	if (!label || !invocation) __builtin_trap();
	jump->invocation = invocation;
	jump->label = label;
}

uint32_t __wasm_setjmp_test(void *env, void *invocation)
{
	struct jump *jump = env;
	if (!jump->label || !invocation) __builtin_trap();
	return jump->invocation == invocation ? jump->label : 0;
}

_Noreturn void __wasm_longjmp(void *env, int value)
{
	struct jump *jump = env;
	jump->argument.env = env;
	jump->argument.value = value ? value : 1;
	__builtin_wasm_throw(1 /* __c_longjmp */, &jump->argument);
}
