// Children have children; many at a time; each is reaped by its own parent and by nobody else.
// covers: fork wait4
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pid_t child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0)
			_exit(3);
		reap("grandchild", grandchild);
		SAY(wait(NULL));
		_exit(2);
	}
	reap("child", child);
	int sum = 0, status;
	for (int i = 1; i <= 20; i++)
		if (fork() == 0)
			_exit(i);
	for (int i = 0; i < 20; i++)
		if (wait(&status) > 0 && WIFEXITED(status))
			sum += WEXITSTATUS(status);
	printf("sum %d\n", sum);
	SAY(wait(NULL));
	return 0;
}
