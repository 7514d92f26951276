// Writing to a pipe that nobody reads raises SIGPIPE and fails with EPIPE; ignored, only that.
// covers: write rt_sigaction
#include "check.h"

static volatile int raised;

static void on_pipe(int signal)
{
	raised = signal;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2];
	pipe(ends);
	close(ends[0]);
	signal(SIGPIPE, on_pipe);
	SAY(write(ends[1], "x", 1));
	printf("signal %d\n", raised);
	raised = 0;
	signal(SIGPIPE, SIG_IGN);
	SAY(write(ends[1], "x", 1));
	SAY(write(ends[1], "x", 0));
	printf("signal %d\n", raised);
	signal(SIGPIPE, SIG_DFL);
	pid_t child = fork();
	if (child == 0) {
		write(ends[1], "x", 1);
		_exit(1);
	}
	reap("child", child);
	return 0;
}
