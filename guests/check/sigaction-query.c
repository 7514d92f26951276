// sigaction tells the disposition before and sets the new one; KILL and STOP cannot be changed.
// covers: rt_sigaction
#include "check.h"

static void handler(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_NODEFER }, old;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaddset(&action.sa_mask, SIGRTMAX);
	SAY(sigaction(SIGUSR1, NULL, &old));
	HOLDS(old.sa_handler == SIG_DFL);
	SAY(sigaction(SIGUSR1, &action, &old));
	HOLDS(old.sa_handler == SIG_DFL);
	action.sa_handler = SIG_IGN;
	action.sa_flags = 0;
	SAY(sigaction(SIGUSR1, &action, &old));
	HOLDS(old.sa_handler == handler);
	HOLDS((old.sa_flags & (SA_RESTART | SA_NODEFER)) == (SA_RESTART | SA_NODEFER));
	HOLDS(sigismember(&old.sa_mask, SIGUSR2));
	HOLDS(sigismember(&old.sa_mask, SIGRTMAX));
	HOLDS(sigismember(&old.sa_mask, SIGINT));
	SAY(sigaction(SIGUSR1, NULL, &old));
	HOLDS(old.sa_handler == SIG_IGN);
	SAY(kill(getpid(), SIGUSR1));
	action.sa_handler = handler;
	SAY(sigaction(SIGKILL, &action, NULL));
	SAY(sigaction(SIGSTOP, &action, NULL));
	SAY(sigaction(SIGKILL, NULL, &old));
	SAY(sigaction(0, &action, NULL));
	SAY(sigaction(65, &action, NULL));
	SAY(sigaction(-1, &action, NULL));
	HOLDS(signal(SIGUSR1, handler) == SIG_IGN);
	HOLDS(signal(SIGUSR1, SIG_DFL) == handler);
	return 0;
}
