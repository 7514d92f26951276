// ppoll, pselect and epoll_pwait put their signal mask in place only while they wait: a blocked, pending signal gets through.
// covers: ppoll pselect6 epoll_pwait rt_sigprocmask
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigset_t block, none, now;
	struct epoll_event event;
	struct timespec long_time = { 5, 0 }, no_time = { 0, 0 };
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaction(SIGUSR1, &action, NULL);
	sigprocmask(SIG_BLOCK, &block, NULL);
	int epoll = epoll_create1(0);
	kill(getpid(), SIGUSR1);
	SAY(ppoll(NULL, 0, &no_time, &block));
	printf("handled %d\n", handled);
	SAY(ppoll(NULL, 0, &long_time, &none));
	printf("handled %d\n", handled);
	kill(getpid(), SIGUSR1);
	SAY(pselect(0, NULL, NULL, NULL, &long_time, &none));
	printf("handled %d\n", handled);
	kill(getpid(), SIGUSR1);
	SAY(epoll_pwait(epoll, &event, 1, 5000, &none));
	printf("handled %d\n", handled);
	sigprocmask(SIG_BLOCK, NULL, &now);
	HOLDS(sigismember(&now, SIGUSR1));
	kill(getpid(), SIGUSR1);
	SAY(poll(NULL, 0, 5));
	printf("handled %d\n", handled);
	return 0;
}
