// sigaltstack keeps a stack, refuses one that is too small, and a handler with SA_ONSTACK runs.
// covers: sigaltstack
#include "check.h"

static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char space[65536];
	stack_t stack = { .ss_sp = space, .ss_size = sizeof space }, old;
	SAY(sigaltstack(NULL, &old));
	HOLDS(old.ss_flags == SS_DISABLE);
	SAY(sigaltstack(&stack, &old));
	SAY(sigaltstack(NULL, &old));
	HOLDS(old.ss_sp == space && old.ss_size == sizeof space && old.ss_flags == 0);
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	printf("handled %d\n", handled);
	stack.ss_size = 100;
	SAY(sigaltstack(&stack, NULL));
	stack.ss_size = sizeof space;
	stack.ss_flags = 0x40;
	SAY(sigaltstack(&stack, NULL));
	stack.ss_flags = SS_DISABLE;
	SAY(sigaltstack(&stack, NULL));
	SAY(sigaltstack(NULL, &old));
	HOLDS(old.ss_flags == SS_DISABLE);
	return 0;
}
