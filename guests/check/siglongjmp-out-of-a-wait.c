// A handler may jump out of a blocking call; the process works on.
// covers: rt_sigaction setitimer rt_sigprocmask
#include "check.h"
#include <poll.h>
#include <setjmp.h>

static sigjmp_buf out;

static void handler(int signal)
{
	siglongjmp(out, signal);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2];
	char byte;
	struct itimerval soon = { .it_value = { 0, 10000 } };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &action, NULL);
	pipe(ends);
	for (volatile int i = 0; i < 5; i++) {
		if (sigsetjmp(out, 1) == 0) {
			setitimer(ITIMER_REAL, &soon, NULL);
			if (i % 2)
				poll(NULL, 0, -1);
			else
				read(ends[0], &byte, 1);
			printf("came back\n");
		} else
			printf("jumped out\n");
	}
	write(ends[1], "x", 1);
	SAY(read(ends[0], &byte, 1));
	return 0;
}
