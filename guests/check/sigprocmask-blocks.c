// A blocked signal waits; unblocking delivers it before sigprocmask returns; KILL and STOP are never blocked.
// covers: rt_sigprocmask rt_sigpending kill
#include "check.h"

RAW4(rt_sigprocmask)
RAW2(rt_sigpending)

static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uint64_t usr1 = 1ull << (SIGUSR1 - 1), usr2 = 1ull << (SIGUSR2 - 1), old = 99, pending = 99, all = ~0ull;
	signal(SIGUSR1, handler);
	SAY(raw_rt_sigprocmask(SIG_BLOCK, P(&usr1), P(&old), 8));
	HOLDS(old == 0);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	printf("handled %d\n", handled);
	SAY(raw_rt_sigpending(P(&pending), 8));
	HOLDS(pending == usr1);
	SAY(raw_rt_sigprocmask(SIG_BLOCK, P(&usr2), P(&old), 8));
	HOLDS(old == usr1);
	SAY(raw_rt_sigprocmask(SIG_UNBLOCK, P(&usr1), 0, 8));
	printf("handled %d\n", handled);
	raw_rt_sigpending(P(&pending), 8);
	HOLDS(pending == 0);
	SAY(raw_rt_sigprocmask(SIG_SETMASK, P(&all), P(&old), 8));
	HOLDS(old == usr2);
	SAY(raw_rt_sigprocmask(SIG_SETMASK, 0, P(&old), 8));
	HOLDS(!(old & 1ull << (SIGKILL - 1)) && !(old & 1ull << (SIGSTOP - 1)));
	HOLDS(old & usr1 && old & 1ull << 63);
	SAY(raw_rt_sigprocmask(7, P(&usr1), 0, 8));
	SAY(raw_rt_sigprocmask(SIG_BLOCK, P(&usr1), 0, 5));
	SAY(raw_rt_sigprocmask(SIG_BLOCK, P(NOWHERE), 0, 8));
	SAY(raw_rt_sigpending(P(NOWHERE), 8));
	signal(SIGUSR2, SIG_IGN);
	kill(getpid(), SIGUSR2);
	raw_rt_sigpending(P(&pending), 8);
	HOLDS(pending & usr2);
	signal(SIGUSR2, SIG_DFL);
	kill(getpid(), SIGUSR2);
	raw_rt_sigpending(P(&pending), 8);
	HOLDS(pending & usr2);
	signal(SIGUSR2, SIG_IGN);
	raw_rt_sigpending(P(&pending), 8);
	HOLDS(pending & usr2);
	return 0;
}
