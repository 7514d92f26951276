// sigtimedwait takes a blocked signal without a handler: at once, after a while, or not before its timeout.
// covers: rt_sigtimedwait rt_sigprocmask
#include "check.h"

RAW4(rt_sigtimedwait)

static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	sigset_t set, other;
	siginfo_t info;
	struct timespec no_time = { 0, 0 }, short_time = { 0, 20000000 }, long_time = { 5, 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR1, handler);
	signal(SIGALRM, handler);
	SAY(sigtimedwait(&set, &info, &no_time));
	long before = now_ms();
	SAY(sigtimedwait(&set, &info, &short_time));
	HOLDS(now_ms() - before >= 15);
	kill(getpid(), SIGUSR1);
	HOLDS(sigtimedwait(&set, &info, &no_time) == SIGUSR1);
	HOLDS(info.si_signo == SIGUSR1 && info.si_code == SI_USER && info.si_pid == getpid());
	SAY(sigtimedwait(&set, &info, &no_time));
	printf("handled %d\n", handled);
	pid_t me = getpid(), child = fork();
	if (child == 0) {
		sleep_ms(10);
		sigqueue(me, SIGUSR2, (union sigval){ .sival_int = 9 });
		_exit(0);
	}
	HOLDS(sigtimedwait(&set, &info, &long_time) == SIGUSR2);
	printf("value %d, from the child: %s\n", info.si_value.sival_int, info.si_pid == child ? "yes" : "no");
	reap("child", child);
	struct itimerval soon = { .it_value = { 0, 30000 } };
	setitimer(ITIMER_REAL, &soon, NULL);
	uint64_t mask = 1ull << (SIGUSR1 - 1);
	SAY(raw_rt_sigtimedwait(P(&mask), 0, P(&long_time), 8));
	printf("handled %d\n", handled);
	int number = 0;
	kill(getpid(), SIGUSR1);
	SAY_ERROR(sigwait(&set, &number));
	HOLDS(number == SIGUSR1);
	sigemptyset(&other);
	long_time.tv_nsec = -1;
	SAY(sigtimedwait(&other, NULL, &long_time));
	return 0;
}
