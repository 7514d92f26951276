// A process has the ordinary policy and no priority; ranges and wrong values are told as Linux tells them; niceness reads back.
// covers: sched_getscheduler sched_setscheduler sched_getparam sched_setparam sched_get_priority_max sched_get_priority_min sched_rr_get_interval getpriority setpriority sched_setaffinity
#include "check.h"

RAW1(sched_getscheduler)
RAW3(sched_setscheduler)
RAW2(sched_getparam)
RAW2(sched_setparam)
RAW1(sched_get_priority_max)
RAW1(sched_get_priority_min)
RAW2(sched_rr_get_interval)
RAW2(getpriority)
RAW3(setpriority)
RAW3(sched_setaffinity)
RAW3(sched_getaffinity)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int priority = 77;
	struct { int64_t sec, nsec; } interval = { -1, -1 };
	uint64_t mask[16] = { 0 }, none[16] = { 0 };
	SAY(raw_sched_getscheduler(0));
	SAY(raw_sched_getscheduler(getpid()));
	SAY(raw_sched_getscheduler(-1));
	SAY(raw_sched_getscheduler(0x7ffffff0));
	SAY(raw_sched_getparam(0, P(&priority)));
	printf("priority %d\n", priority);
	SAY(raw_sched_getparam(0, P(NOWHERE)));
	SAY(raw_sched_setparam(0, P(&priority)));
	priority = 1;
	SAY(raw_sched_setparam(0, P(&priority)));
	SAY(raw_sched_setscheduler(0, 0, P(&priority)));
	priority = 0;
	SAY(raw_sched_setscheduler(0, 0, P(&priority)));
	SAY(raw_sched_setscheduler(0, 99, P(&priority)));
	SAY(raw_sched_setscheduler(0, 3, P(&priority)));
	SAY(raw_sched_getscheduler(0));
	SAY(raw_sched_setscheduler(0, 0, P(&priority)));
	for (int policy = 0; policy < 3; policy++) {
		SAY(raw_sched_get_priority_max(policy));
		SAY(raw_sched_get_priority_min(policy));
	}
	SAY(raw_sched_get_priority_max(99));
	SAY(raw_sched_rr_get_interval(0, P(&interval)));
	HOLDS(interval.sec >= 0 && interval.nsec >= 0);
	SAY(raw_getpriority(0, 0));
	SAY(raw_setpriority(0, 0, 5));
	SAY(raw_getpriority(0, 0));
	SAY(raw_setpriority(0, 0, 100));
	SAY(raw_getpriority(0, getpid()));
	SAY(raw_getpriority(9, 0));
	SAY(raw_setpriority(9, 0, 0));
	SAY(raw_getpriority(0, 0x7ffffff0));
	raw_sched_getaffinity(0, sizeof mask, P(mask));
	SAY(raw_sched_setaffinity(0, sizeof mask, P(mask)));
	SAY(raw_sched_setaffinity(0, sizeof none, P(none)));
	SAY(raw_sched_setaffinity(0x7ffffff0, sizeof mask, P(mask)));
	SAY(raw_sched_setaffinity(0, sizeof mask, P(NOWHERE)));
	return 0;
}
