// Signals without a handler end the process, or do nothing, by their kind.
// covers: kill wait4 rt_sigaction
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTRAP, SIGUSR2, SIGPIPE, SIGVTALRM, SIGIO, SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
	for (int i = 0; i < 12; i++) {
		pid_t child = fork();
		if (child == 0) {
			kill(getpid(), signals[i]);
			_exit(55);
		}
		int status;
		waitpid(child, &status, 0);
		printf("%d: ", signals[i]);
		say_status("child", status & ~0x80);
	}
	pid_t child = fork();
	if (child == 0) {
		raise(SIGRTMIN);
		_exit(55);
	}
	int status;
	waitpid(child, &status, 0);
	HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGRTMIN);
	return 0;
}
