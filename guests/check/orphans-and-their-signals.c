// A process may ask for the orphans among its descendants, and for a signal when its parent ends; who is stopped and left alone is woken.
// covers: prctl wait4 getppid setsid setpgid
#include "check.h"
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int status, subreaper = 9, wanted = 9, ends[2];
	SAY(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	SAY(prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0));
	printf("subreaper: %d\n", subreaper);
	pid_t me = getpid(), child = fork();
	if (child == 0) {
		if (fork() == 0) {
			while (getppid() != me)
				sleep_ms(1);
			_exit(9);
		}
		_exit(3);
	}
	reap("child", child);
	HOLDS(wait(&status) > 0);
	say_status("grandchild", status);
	SAY(waitpid(-1, &status, 0));

	pipe(ends);
	child = fork();
	if (child == 0) {
		int ready[2];
		pipe(ready);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
			prctl(PR_GET_PDEATHSIG, &wanted, 0, 0, 0);
			printf("asked for signal %d\n", wanted);
			write(ready[1], "x", 1);
			sleep_ms(3000);
			_exit(1);
		}
		read(ready[0], &status, 1);
		_exit(0);
	}
	reap("child", child);
	HOLDS(wait(&status) > 0);
	say_status("grandchild", status);
	SAY(prctl(PR_SET_PDEATHSIG, 999, 0, 0, 0));

	child = fork();
	if (child == 0) {
		setsid();
		pid_t stopped = fork();
		if (stopped == 0) {
			setpgid(0, 0);
			raise(SIGSTOP);
			_exit(1);
		}
		waitpid(stopped, &status, WUNTRACED);
		say_status("grandchild", status);
		_exit(0);
	}
	reap("child", child);
	HOLDS(wait(&status) > 0);
	say_status("grandchild", status);
	return 0;
}
