// uname calls itself Linux, with a release that starts with a number.
// covers: uname
#include "check.h"
#include <sys/utsname.h>

RAW1(uname)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct utsname name;
	char host[65];
	SAY(uname(&name));
	printf("%s\n", name.sysname);
	HOLDS(atoi(name.release) >= 3);
	HOLDS(name.nodename[0] != 0 && name.version[0] != 0 && name.machine[0] != 0);
	SAY(gethostname(host, sizeof host));
	HOLDS(strcmp(host, name.nodename) == 0);
	SAY(raw_uname(P(NOWHERE)));
	return 0;
}
