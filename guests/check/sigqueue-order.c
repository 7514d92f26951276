// Real-time signals queue, the lowest number first, each with its value; ordinary ones come once.
// covers: rt_sigqueueinfo rt_sigprocmask rt_sigpending
#include "check.h"

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	printf("RTMIN+%d value %d\n", signal - SIGRTMIN, info->si_value.sival_int);
}

static void ordinary(int signal)
{
	(void)signal;
	printf("USR1\n");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigset_t all;
	sigfillset(&action.sa_mask);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 1; i <= 3; i++)
		sigaction(SIGRTMIN + i, &action, NULL);
	struct sigaction plain = { .sa_handler = ordinary };
	sigfillset(&plain.sa_mask);
	sigaction(SIGUSR1, &plain, NULL);
	int numbers[] = { 3, 1, 2, 1, 3, 1 };
	for (int i = 0; i < 6; i++)
		sigqueue(getpid(), SIGRTMIN + numbers[i], (union sigval){ .sival_int = i });
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = i });
	sigset_t none;
	sigemptyset(&none);
	// Handlers that are entered together stack up: the last one entered runs first, unless each masks the others.
	sigprocmask(SIG_SETMASK, &none, NULL);
	SAY(sigqueue(getpid(), 0, (union sigval){ .sival_int = 0 }));
	SAY(sigqueue(getpid(), 65, (union sigval){ .sival_int = 0 }));
	return 0;
}
