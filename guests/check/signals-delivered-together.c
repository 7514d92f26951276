// Signals that were pending together: all are taken, the lowest first, and the handler of the last one runs first, unless masks say otherwise.
// covers: rt_sigaction rt_sigprocmask tkill
#include "check.h"

static void handler(int signal)
{
	printf("begin %d\n", signal);
	getppid(); /* what is still pending and not blocked would be delivered here */
	printf("end %d\n", signal);
}

static void catch(int signal, int blocked)
{
	struct sigaction action = { .sa_handler = handler };
	sigemptyset(&action.sa_mask);
	if (blocked)
		sigaddset(&action.sa_mask, blocked);
	sigaction(signal, &action, NULL);
}

static void send_together(void)
{
	sigset_t block, before;
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaddset(&block, SIGUSR2);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &before);
	raise(SIGUSR2);
	raise(SIGHUP);
	raise(SIGUSR1);
	raise(SIGUSR1);
	printf("unblocking\n");
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	catch(SIGHUP, 0);
	catch(SIGUSR1, 0);
	catch(SIGUSR2, 0);
	send_together();
	catch(SIGHUP, SIGUSR1);
	send_together();
	catch(SIGUSR1, SIGUSR2);
	send_together();
	return 0;
}
