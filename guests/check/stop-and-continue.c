// SIGSTOP stops a process until SIGCONT; its parent is told of both where it asks.
// covers: kill wait4
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], status;
	char byte;
	pipe(ends);
	pid_t child = fork();
	if (child == 0) {
		for (;;) {
			write(ends[1], "x", 1);
			sleep_ms(1);
		}
	}
	SAY(read(ends[0], &byte, 1));
	SAY(kill(child, SIGSTOP));
	HOLDS(waitpid(child, &status, WUNTRACED) == child);
	say_status("child", status);
	SAY(waitpid(child, &status, WUNTRACED | WNOHANG));
	SAY(kill(child, SIGCONT));
	HOLDS(waitpid(child, &status, WCONTINUED) == child);
	HOLDS(WIFCONTINUED(status));
	SAY(kill(child, SIGSTOP));
	SAY(kill(child, SIGKILL));
	waitpid(child, &status, 0);
	say_status("child", status);
	return 0;
}
