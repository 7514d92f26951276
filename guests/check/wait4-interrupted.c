// A waiting parent is woken by a handler: EINTR, or it goes on waiting with SA_RESTART.
// covers: wait4 rt_sigaction setitimer
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
	struct itimerval soon = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 }, { 0, 0 } };
	for (int restart = 0; restart < 2; restart++) {
		struct sigaction action = { .sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0 };
		sigaction(SIGALRM, &action, NULL);
		int status;
		pid_t child = fork();
		if (child == 0) {
			sleep_ms(100);
			_exit(3);
		}
		setitimer(ITIMER_REAL, &soon, NULL);
		pid_t got = waitpid(child, &status, 0);
		int error = errno;
		setitimer(ITIMER_REAL, &never, NULL);
		printf("restart %d: %s\n", restart, got == child ? "the child" : errno_name(error));
		HOLDS(handled > restart);
		if (got != child)
			waitpid(child, &status, 0);
		say_status("child", status);
	}
	return 0;
}
