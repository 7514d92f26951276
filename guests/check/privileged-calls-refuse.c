// What the calls of an administrator refuse before they do anything.
// covers: reboot sethostname setdomainname syslog
// needs: root
#include "check.h"

RAW4(reboot)
RAW2(sethostname)
RAW2(setdomainname)
RAW3(syslog)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[8];
	pid_t child = fork();
	if (child == 0) {
		setgid(1000);
		setuid(1000);
		SAY(raw_reboot(0, 0, 0, 0));
		_exit(0);
	}
	reap("child", child);
	SAY(raw_sethostname(P("name"), -1));
	SAY(raw_sethostname(P("name"), 65));
	SAY(raw_sethostname(P(NOWHERE), 4));
	SAY(raw_setdomainname(P("name"), -1));
	SAY(raw_setdomainname(P("name"), 65));
	SAY(raw_syslog(99, P(text), 8));
	SAY(raw_syslog(3, 0, 8));
	SAY(raw_syslog(3, P(text), -1));
	SAY(raw_syslog(3, P(text), 0));
	HOLDS(raw_syslog(10, 0, 0) >= 0);
	return 0;
}
