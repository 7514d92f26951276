// exit runs atexit functions in reverse order and flushes output; _exit does neither; main's return is exit.
// covers: exit_group fork wait4
#include "check.h"

static void one(void)
{
	printf("one\n");
}

static void two(void)
{
	printf("two\n");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	atexit(one);
	atexit(two);
	pid_t child = fork();
	if (child == 0)
		_exit(1);
	reap("_exit", child);
	child = fork();
	if (child == 0)
		exit(300);
	reap("exit", child);
	return 77;
}
