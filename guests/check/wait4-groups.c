// wait4 can wait for the children of one process group; setpgid moves a child, before or after its own call.
// covers: wait4 setpgid getpgid
#include "check.h"

RAW2(setpgid)
RAW1(getpgid)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], status;
	char byte;
	pipe(ends);
	pid_t first = fork();
	if (first == 0) {
		close(ends[1]);
		read(ends[0], &byte, 1);
		_exit(getpgrp() == getpid() ? 1 : 2);
	}
	pid_t second = fork();
	if (second == 0)
		_exit(3);
	SAY(raw_setpgid(first, 0));
	HOLDS(raw_getpgid(first) == first);
	HOLDS(raw_getpgid(0) == getpgrp());
	HOLDS(raw_getpgid(getpid()) == getpgrp());
	HOLDS(waitpid(0, &status, 0) == second);
	say_status("second", status);
	SAY(waitpid(0, &status, 0));
	SAY(waitpid(-first, &status, WNOHANG));
	close(ends[1]);
	HOLDS(waitpid(-first, &status, 0) == first);
	say_status("first", status);
	SAY(raw_setpgid(first, 0));
	SAY(raw_setpgid(0, -1));
	SAY(raw_getpgid(first));
	SAY(raw_getpgid(-1));
	SAY(raw_setpgid(0, 0x7ffffff0));
	return 0;
}
