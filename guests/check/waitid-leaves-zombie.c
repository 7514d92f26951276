// waitid fills a siginfo and, with WNOWAIT, leaves the child to be waited for again.
// covers: waitid
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	siginfo_t info;
	pid_t child = fork();
	if (child == 0)
		_exit(9);
	for (int i = 0; i < 3; i++) {
		memset(&info, 0, sizeof info);
		SAY(waitid(P_PID, (id_t)child, &info, WEXITED | (i == 0 ? WNOWAIT : 0)));
		printf("signal %d code %d status %d child %s\n", info.si_signo, info.si_code, info.si_status,
		       info.si_pid == child ? "yes" : "no");
	}
	SAY(waitid(P_ALL, 0, &info, 0));
	child = fork();
	if (child == 0) {
		for (;;)
			pause();
	}
	memset(&info, 0, sizeof info);
	SAY(waitid(P_ALL, 0, &info, WEXITED | WNOHANG));
	printf("signal %d\n", info.si_signo);
	kill(child, SIGTERM);
	SAY(waitid(P_ALL, 0, &info, WEXITED));
	printf("code %d status %d\n", info.si_code, info.si_status);
	return 0;
}
