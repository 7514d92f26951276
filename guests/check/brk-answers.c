// brk answers the break it has for one that it cannot give.
// covers: brk
#include "check.h"

RAW1(brk)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	long now = raw_brk(0);
	HOLDS(now > 0);
	HOLDS(raw_brk(now) == now);
	HOLDS(raw_brk(0) == now);
	HOLDS(raw_brk(1) == now);
	return 0;
}
