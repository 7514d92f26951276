// While a handler runs, its signal and its mask wait; SA_NODEFER lets its own signal in; SA_RESETHAND works once.
// covers: rt_sigaction rt_sigprocmask kill rt_sigreturn
#include "check.h"

static int depth, left;

static void nests(int signal)
{
	const char *name = signal == SIGUSR1 ? "USR1" : "USR2";
	printf("%*s%s begins\n", depth++ * 2, "", name);
	if (left-- > 0) {
		kill(getpid(), SIGUSR1);
		kill(getpid(), SIGUSR2);
	}
	printf("%*s%s ends\n", --depth * 2, "", name);
}

static void run(const char *what, int flags, int masked)
{
	struct sigaction action = { .sa_handler = nests, .sa_flags = flags };
	sigemptyset(&action.sa_mask);
	if (masked)
		sigaddset(&action.sa_mask, masked);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = 0;
	sigemptyset(&action.sa_mask);
	sigaction(SIGUSR2, &action, NULL);
	printf("%s:\n", what);
	depth = 1;
	left = 3;
	kill(getpid(), SIGUSR1);
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("blocked after: %d %d\n", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	run("plain", 0, 0);
	run("with USR2 masked", 0, SIGUSR2);
	run("with SA_NODEFER", SA_NODEFER, SIGUSR2);
	struct sigaction once = { .sa_handler = nests, .sa_flags = SA_RESETHAND }, now;
	sigaction(SIGUSR1, &once, NULL);
	left = 0;
	kill(getpid(), SIGUSR1);
	sigaction(SIGUSR1, NULL, &now);
	HOLDS(now.sa_handler == SIG_DFL);
	return 0;
}
