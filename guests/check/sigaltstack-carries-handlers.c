// A handler with SA_ONSTACK runs on the alternate stack, one that interrupts it stays there, and the stack cannot be changed meanwhile.
// covers: sigaltstack rt_sigaction
#include "check.h"
#include <setjmp.h>

static char space[65536];
static sigjmp_buf back;

static int is_on_it(void)
{
	char here;
	return (uintptr_t)&here >= (uintptr_t)space && (uintptr_t)&here < (uintptr_t)space + sizeof space;
}

static void inner(int signal)
{
	printf("signal %d: %s\n", signal, is_on_it() ? "alternate stack" : "own stack");
}

static void outer(int signal)
{
	stack_t old, none = { .ss_flags = SS_DISABLE };
	inner(signal);
	SAY(sigaltstack(NULL, &old));
	HOLDS(old.ss_flags == SS_ONSTACK);
	SAY(sigaltstack(&none, NULL));
	raise(SIGUSR2);
	inner(signal);
}

static void leave(int signal)
{
	siglongjmp(back, signal);
}

static void catch(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	sigaction(signal, &action, NULL);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	stack_t stack = { .ss_sp = space, .ss_size = sizeof space }, old;
	sigaltstack(&stack, NULL);
	catch(SIGUSR1, outer, SA_ONSTACK);
	catch(SIGUSR2, inner, SA_ONSTACK);
	raise(SIGUSR1);
	catch(SIGUSR2, inner, 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	catch(SIGUSR1, leave, SA_ONSTACK);
	int jumps = 0;
	for (volatile int i = 0; i < 1000; i++) {
		if (sigsetjmp(back, 1) == 0)
			raise(SIGUSR1);
		else
			jumps++;
	}
	printf("left it %d times\n", jumps);
	SAY(sigaltstack(NULL, &old));
	HOLDS(old.ss_flags == 0);
	catch(SIGUSR1, outer, SA_ONSTACK);
	raise(SIGUSR1);
	return 0;
}
