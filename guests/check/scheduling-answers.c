// The scheduling calls answer for this process: a mask of processors, the ordinary policy, its one priority.
// covers: sched_yield sched_getaffinity
#include "check.h"
#include <sched.h>

RAW0(sched_yield)
RAW3(sched_getaffinity)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uint64_t mask[128] = { 0 };
	SAY(raw_sched_yield());
	HOLDS(raw_sched_getaffinity(0, sizeof mask, P(mask)) > 0);
	HOLDS(mask[0] != 0);
	HOLDS(raw_sched_getaffinity(getpid(), sizeof mask, P(mask)) > 0);
	SAY(raw_sched_getaffinity(0, 1, P(mask)));
	SAY(raw_sched_getaffinity(-1, sizeof mask, P(mask)));
	SAY(raw_sched_getaffinity(0, sizeof mask, P(NOWHERE)));
	return 0;
}
