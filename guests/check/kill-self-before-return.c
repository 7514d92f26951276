// A signal to oneself is handled before kill returns; a handler may call what it likes, longjmp included.
// covers: kill tkill rt_sigaction
#include "check.h"
#include <setjmp.h>

static volatile int handled;
static sigjmp_buf out;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

static void jumps(int signal)
{
	(void)signal;
	siglongjmp(out, ++handled);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	sigset_t now;
	signal(SIGUSR1, handler);
	for (int i = 0; i < 1000; i++) {
		kill(getpid(), SIGUSR1);
		if (handled != i + 1) {
			printf("not handled after kill %d\n", i);
			return 1;
		}
	}
	SAY(raise(SIGUSR1));
	printf("handled %d\n", handled);
	handled = 0;
	signal(SIGUSR1, jumps);
	for (int i = 0; i < 3; i++) {
		int value = sigsetjmp(out, 1);
		if (value == 0)
			kill(getpid(), SIGUSR1);
		sigprocmask(SIG_BLOCK, NULL, &now);
		printf("jumped with %d, blocked %d\n", value, sigismember(&now, SIGUSR1));
	}
	if (sigsetjmp(out, 0) == 0)
		kill(getpid(), SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("without the mask: blocked %d\n", sigismember(&now, SIGUSR1));
	return 0;
}
