// The four ids of a root process, and the same from every call that tells them.
// covers: getuid geteuid getgid getegid getgroups
// needs: root
#include "check.h"

RAW0(getuid)
RAW0(geteuid)
RAW0(getgid)
RAW0(getegid)
RAW2(getgroups)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uid_t r, e, s;
	SAY(raw_getuid());
	SAY(raw_geteuid());
	SAY(raw_getgid());
	SAY(raw_getegid());
	SAY(getresuid(&r, &e, &s));
	printf("%d %d %d\n", (int)r, (int)e, (int)s);
	SAY(getresgid(&r, &e, &s));
	printf("%d %d %d\n", (int)r, (int)e, (int)s);
	HOLDS(raw_getgroups(0, 0) >= 0);
	SAY(raw_getgroups(-1, 0));
	return 0;
}
