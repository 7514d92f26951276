// sigsuspend puts its mask in place, waits for a handler to have run, and puts the old mask back.
// covers: rt_sigsuspend rt_sigprocmask kill
#include "check.h"

RAW2(rt_sigsuspend)

static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	sigset_t block, none, now;
	uint64_t mask = 0;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaddset(&block, SIGUSR2);
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_BLOCK, &block, NULL);
	kill(getpid(), SIGUSR1);
	SAY(sigsuspend(&none));
	printf("handled %d\n", handled);
	sigprocmask(SIG_BLOCK, NULL, &now);
	HOLDS(sigismember(&now, SIGUSR1));
	pid_t me = getpid(), child = fork();
	if (child == 0) {
		sleep_ms(10);
		kill(me, SIGUSR2);
		sleep_ms(10);
		kill(me, SIGUSR1);
		_exit(0);
	}
	SAY(raw_rt_sigsuspend(P(&mask), 8));
	printf("handled %d\n", handled);
	reap("child", child);
	SAY(raw_rt_sigsuspend(P(&mask), 4));
	SAY(raw_rt_sigsuspend(P(NOWHERE), 8));
	return 0;
}
