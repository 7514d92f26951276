// A child that computes does not hold up its parent, nor the other way around.
// covers: fork wait4 kill
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2];
	char byte;
	pipe(ends);
	pid_t child = fork();
	if (child == 0) {
		for (;;) {
			for (volatile int i = 0; i < 10000; i++)
				;
			getppid();
			write(ends[1], "", 0);
		}
	}
	pid_t second = fork();
	if (second == 0) {
		write(ends[1], "x", 1);
		_exit(4);
	}
	SAY(read(ends[0], &byte, 1));
	reap("second child", second);
	sleep_ms(10);
	SAY(waitpid(child, NULL, WNOHANG));
	SAY(kill(child, SIGKILL));
	reap("child", child);
	return 0;
}
