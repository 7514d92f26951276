// With SA_SIGINFO a handler learns who sent the signal, how, and with which value.
// covers: rt_sigaction kill tkill rt_sigqueueinfo setitimer
#include "check.h"

RAW2(tkill)

static volatile int ended;

static void handler(int signal, siginfo_t *info, void *context)
{
	printf("signal %s, code %d", signal == SIGALRM ? "ALRM" : signal == SIGUSR1 ? "USR1" : "RTMIN", info->si_code);
	if (info->si_code <= 0)
		printf(", from me: %s", info->si_pid == getpid() && info->si_uid == getuid() ? "yes" : "no");
	if (info->si_code == SI_QUEUE)
		printf(", value %d", info->si_value.sival_int);
	printf(", number agrees: %s, context: %s\n", info->si_signo == signal ? "yes" : "no", context ? "yes" : "no");
	ended = 1;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGRTMIN, &action, NULL);
	kill(getpid(), SIGUSR1);
	raw_tkill(getpid(), SIGUSR1);
	raise(SIGUSR1);
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 1234 });
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = -5 });
	struct itimerval soon = { .it_value = { 0, 5000 } };
	ended = 0;
	setitimer(ITIMER_REAL, &soon, NULL);
	while (!ended)
		sleep_ms(1);
	return 0;
}
