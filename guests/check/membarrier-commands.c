// membarrier: the private expedited command wants to be registered for.
// covers: membarrier
#include "check.h"

RAW3(membarrier)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	long known = raw_membarrier(0, 0, 0);
	HOLDS((known & 24) == 24);
	SAY(raw_membarrier(8, 0, 0));
	SAY(raw_membarrier(16, 0, 0));
	SAY(raw_membarrier(8, 0, 0));
	SAY(raw_membarrier(0, 1, 0));
	SAY(raw_membarrier(3, 0, 0));
	SAY(raw_membarrier(1 << 20, 0, 0));
	return 0;
}
