// SIGCHLD comes with the child's pid and status; ignored, children leave no zombies.
// covers: rt_sigaction wait4 fork
#include "check.h"

static volatile int count, code, status;
static volatile pid_t from;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	count++;
	code = info->si_code;
	status = info->si_status;
	from = info->si_pid;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaction(SIGCHLD, &action, NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(11);
	reap("child", child);
	printf("count %d, code %d, status %d, from it: %s\n", count, code, status, from == child ? "yes" : "no");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	kill(child, SIGTERM);
	reap("child", child);
	printf("count %d, code %d, status %d\n", count, code, status);
	signal(SIGCHLD, SIG_IGN);
	child = fork();
	if (child == 0)
		_exit(0);
	SAY(waitpid(child, NULL, 0));
	struct sigaction no_zombies = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	sigaction(SIGCHLD, &no_zombies, NULL);
	child = fork();
	if (child == 0)
		_exit(0);
	SAY(waitpid(child, NULL, 0));
	return 0;
}
