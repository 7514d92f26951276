// wait4 tells how a child ended: the low eight bits of its status, or the signal; then the child is gone.
// covers: wait4 exit_group kill
#include "check.h"
#include <sys/resource.h>

RAW4(wait4)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int codes[] = { 0, 1, 255, 256, -1, 1000 }, status = 0x1234;
	struct rusage usage;
	for (int i = 0; i < 6; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(codes[i]);
		HOLDS(raw_wait4(child, P(&status), 0, 0) == child);
		printf("%d: ", codes[i]);
		say_status("child", status);
	}
	int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGALRM };
	for (int i = 0; i < 4; i++) {
		pid_t child = fork();
		if (child == 0) {
			for (;;)
				pause();
		}
		kill(child, signals[i]);
		HOLDS(raw_wait4(-1, P(&status), 0, P(&usage)) == child);
		say_status("child", status);
		SAY(raw_wait4(child, P(&status), 0, 0));
	}
	pid_t child = fork();
	if (child == 0)
		abort();
	waitpid(child, &status, 0);
	HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	SAY(raw_wait4(-1, P(&status), 0, 0));
	SAY(raw_wait4(getpid(), 0, 0, 0));
	SAY(raw_wait4(-1, 0, 0x10000, 0));
	if ((child = fork()) == 0)
		_exit(0);
	SAY(raw_wait4(child, P(NOWHERE), 0, 0));
	return 0;
}
