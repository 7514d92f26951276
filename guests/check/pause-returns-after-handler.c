// pause waits until a handler has run; ignored signals do not end it.
// covers: pause setitimer
#include "check.h"

static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	handled++;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	signal(SIGUSR1, SIG_IGN);
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &action, NULL);
	struct itimerval soon = { { 0, 30000 }, { 0, 30000 } }, never = { { 0, 0 }, { 0, 0 } };
	pid_t me = getpid();
	setitimer(ITIMER_REAL, &soon, NULL);
	pid_t child = fork();
	if (child == 0) {
		kill(me, SIGUSR1);
		_exit(0);
	}
	SAY(pause());
	setitimer(ITIMER_REAL, &never, NULL);
	HOLDS(handled > 0);
	reap("child", child);
	return 0;
}
