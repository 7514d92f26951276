// A child's folder, umask, limits and signal handlers are its own from the fork on.
// covers: fork chdir umask rt_sigaction setrlimit
#include "check.h"
#include <sys/resource.h>

static void handler(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct rlimit limit = { 50, 60 };
	struct sigaction action;
	mkdir("folder", 0755);
	umask(013);
	signal(SIGUSR1, handler);
	pid_t child = fork();
	if (child == 0) {
		SAY(chdir("folder"));
		printf("umask %o\n", (unsigned)umask(0));
		sigaction(SIGUSR1, NULL, &action);
		HOLDS(action.sa_handler == handler);
		signal(SIGUSR1, SIG_IGN);
		SAY(setrlimit(RLIMIT_NOFILE, &limit));
		_exit(0);
	}
	reap("child", child);
	SAY(access("folder", F_OK));
	printf("umask %o\n", (unsigned)umask(0));
	sigaction(SIGUSR1, NULL, &action);
	HOLDS(action.sa_handler == handler);
	getrlimit(RLIMIT_NOFILE, &limit);
	HOLDS(limit.rlim_cur == 50);
	return 0;
}
