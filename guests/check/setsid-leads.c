// setsid makes a process the leader of a session and a group of its own, once.
// covers: setsid getsid getpgid setpgid
#include "check.h"

RAW0(setsid)
RAW1(getsid)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	HOLDS(raw_getsid(0) == raw_getsid(getpid()));
	pid_t session = getsid(0), child = fork();
	if (child == 0) {
		HOLDS(raw_getsid(0) == session);
		HOLDS(raw_setsid() == getpid());
		HOLDS(raw_getsid(0) == getpid());
		HOLDS(getpgrp() == getpid());
		SAY(raw_setsid());
		SAY(setpgid(0, 0));
		_exit(0);
	}
	reap("child", child);
	SAY(raw_getsid(child));
	SAY(raw_getsid(-5));
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		SAY(raw_setsid());
		_exit(0);
	}
	reap("child", child);
	return 0;
}
