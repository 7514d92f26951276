// getresuid and getresgid tell three ids each, getpgrp the group; the file-system ids answer with the old one.
// covers: getresuid getresgid getpgrp setfsuid setfsgid
// needs: root
#include "check.h"

RAW3(getresuid)
RAW3(getresgid)
RAW0(getpgrp)
RAW1(setfsuid)
RAW1(setfsgid)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uint32_t r = 9, e = 9, s = 9;
	SAY(raw_getresuid(P(&r), P(&e), P(&s)));
	printf("%d %d %d\n", r, e, s);
	SAY(raw_getresgid(P(&r), P(&e), P(&s)));
	printf("%d %d %d\n", r, e, s);
	SAY(raw_getresuid(P(NOWHERE), P(&e), P(&s)));
	SAY(raw_getresgid(P(&r), P(NOWHERE), P(&s)));
	HOLDS(raw_getpgrp() == getpgid(0));
	SAY(raw_setfsuid(-1));
	SAY(raw_setfsuid(1000));
	SAY(raw_setfsuid(-1));
	SAY(raw_setfsuid(0));
	SAY(raw_setfsgid(500));
	SAY(raw_setfsgid(0));
	SAY(raw_setfsgid(-1));
	return 0;
}
