// A blocking call that a handler interrupts fails with EINTR, or goes on where SA_RESTART asks for it; poll and sleep never do.
// covers: rt_sigaction setitimer read recvfrom
#include "check.h"
#include <poll.h>
#include <sys/socket.h>

static int ends[2], pair[2];
static volatile int handled;

static void handler(int signal)
{
	(void)signal;
	if (++handled % 2 == 0) {
		write(ends[1], "x", 1);
		write(pair[1], "y", 1);
	}
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte;
	struct itimerval soon = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct timespec second = { 1, 0 };
	for (int restart = 0; restart < 2; restart++) {
		struct sigaction action = { .sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0 };
		sigaction(SIGALRM, &action, NULL);
		printf("restart %d\n", restart);
		for (int call = 0; call < 2; call++) {
			pipe(ends);
			socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
			handled = 0;
			setitimer(ITIMER_REAL, &soon, NULL);
			if (call == 0)
				SAY(read(ends[0], &byte, 1));
			else
				SAY(recv(pair[0], &byte, 1, 0));
			HOLDS(!restart || handled >= 2);
		}
		struct pollfd p = { -1, POLLIN, 0 };
		SAY(poll(&p, 1, 1000));
		SAY(nanosleep(&second, NULL));
		setitimer(ITIMER_REAL, &never, NULL);
	}
	return 0;
}
