// A child starts with its parent's mask and dispositions, without its pending signals.
// covers: fork rt_sigpending rt_sigprocmask
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	sigset_t set, now;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR2, SIG_IGN);
	kill(getpid(), SIGUSR1);
	pid_t child = fork();
	if (child == 0) {
		sigpending(&now);
		printf("pending %d\n", sigismember(&now, SIGUSR1));
		sigprocmask(SIG_BLOCK, NULL, &now);
		printf("blocked %d\n", sigismember(&now, SIGUSR1));
		kill(getpid(), SIGUSR2);
		_exit(0);
	}
	reap("child", child);
	sigpending(&now);
	printf("pending %d\n", sigismember(&now, SIGUSR1));
	return 0;
}
