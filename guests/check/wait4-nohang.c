// WNOHANG asks without waiting: 0 while the child runs, its pid once it is a zombie; a zombie can still be signalled.
// covers: wait4 kill
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], status, tries = 0;
	char byte;
	pipe(ends);
	pid_t child = fork();
	if (child == 0) {
		close(ends[1]);
		read(ends[0], &byte, 1);
		_exit(7);
	}
	SAY(waitpid(child, &status, WNOHANG));
	SAY(waitpid(-1, &status, WNOHANG));
	close(ends[1]);
	pid_t got;
	while ((got = waitpid(child, &status, WNOHANG)) == 0 && tries++ < 1000)
		sleep_ms(1);
	HOLDS(got == child);
	say_status("child", status);
	SAY(waitpid(child, &status, WNOHANG));
	child = fork();
	if (child == 0)
		_exit(8);
	siginfo_t info;
	waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
	SAY(kill(child, 0));
	SAY(kill(child, SIGTERM));
	reap("zombie", child);
	SAY(kill(child, 0));
	return 0;
}
