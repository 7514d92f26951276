// kill with a negative pid, or 0, reaches every process of a group.
// covers: kill setpgid wait4
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
	int ends[2];
	char byte;
	pipe(ends);
	pid_t leader = fork();
	if (leader == 0) {
		setpgid(0, 0);
		pid_t other = fork();
		if (other == 0) {
			write(ends[1], "r", 1);
			for (;;)
				pause();
		}
		signal(SIGTERM, handler);
		write(ends[1], "r", 1);
		int status, code = 0;
		while (waitpid(other, &status, 0) != other)
			;
		if (WIFSIGNALED(status))
			code = WTERMSIG(status);
		_exit(code + handled * 100);
	}
	read(ends[0], &byte, 1);
	read(ends[0], &byte, 1);
	SAY(kill(-leader, SIGTERM));
	reap("leader", leader);
	SAY(kill(-leader, 0));
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		signal(SIGUSR1, handler);
		kill(0, SIGUSR1);
		_exit(handled);
	}
	reap("child", child);
	return 0;
}
