// fork gives the child 0 and the parent the child's pid; each knows the other.
// covers: fork getpid getppid wait4
#include "check.h"

RAW0(getpid)
RAW0(getppid)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pid_t me = getpid(), child = fork();
	if (child == 0) {
		HOLDS(raw_getppid() == me);
		HOLDS(raw_getpid() != me);
		HOLDS(getpid() == raw_getpid());
		_exit(5);
	}
	int status;
	HOLDS(waitpid(child, &status, 0) == child);
	say_status("child", status);
	HOLDS(child > 0 && child != me);
	HOLDS(raw_getpid() == me);
	return 0;
}
