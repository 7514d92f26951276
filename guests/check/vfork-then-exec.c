// vfork makes a child that executes or exits; the parent goes on after that.
// covers: vfork execve wait4
// needs: self
#include "check.h"

static int child(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execl("./self", "self", "after", NULL);
		_exit(1);
	}
	return pid;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "after") == 0) {
		setvbuf(stdout, NULL, _IONBF, 0);
		printf("executed\n");
		return 17;
	}
	check_start(argc, argv);
	reap("child", child());
	pid_t pid = vfork();
	if (pid == 0)
		_exit(18);
	reap("child", pid);
	return 0;
}
