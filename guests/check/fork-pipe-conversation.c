// Parent and child talk through two pipes while both run; each sees the end when the other is gone.
// covers: fork pipe read write wait4
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int down[2], up[2], number = 1;
	pipe(down);
	pipe(up);
	pid_t child = fork();
	if (child == 0) {
		close(down[1]);
		close(up[0]);
		while (read(down[0], &number, sizeof number) == sizeof number) {
			number *= 2;
			write(up[1], &number, sizeof number);
		}
		_exit(number == 1024 ? 0 : 1);
	}
	close(down[0]);
	close(up[1]);
	for (int i = 0; i < 10; i++) {
		write(down[1], &number, sizeof number);
		read(up[0], &number, sizeof number);
	}
	printf("%d\n", number);
	close(down[1]);
	SAY(read(up[0], &number, sizeof number));
	reap("child", child);
	return 0;
}
