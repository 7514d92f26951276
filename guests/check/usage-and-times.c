// getrusage and times count processor time that grows, of this process and of children that were waited for.
// covers: getrusage times
#include "check.h"
#include <sys/resource.h>
#include <sys/times.h>

RAW2(getrusage)

static long microseconds(struct timeval t)
{
	return (long)t.tv_sec * 1000000 + (long)t.tv_usec;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct rusage usage, later;
	struct tms tms;
	SAY(raw_getrusage(RUSAGE_SELF, P(&usage)));
	SAY(raw_getrusage(RUSAGE_CHILDREN, P(&usage)));
	SAY(raw_getrusage(99, P(&usage)));
	SAY(raw_getrusage(RUSAGE_SELF, P(NOWHERE)));
	getrusage(RUSAGE_SELF, &usage);
	long before = now_ms();
	while (now_ms() - before < 30)
		;
	getrusage(RUSAGE_SELF, &later);
	HOLDS(microseconds(later.ru_utime) + microseconds(later.ru_stime) >
	      microseconds(usage.ru_utime) + microseconds(usage.ru_stime));
	HOLDS(later.ru_maxrss > 0);
	OK(times(&tms));
	HOLDS(tms.tms_utime >= 0 && tms.tms_cutime >= 0);
	return 0;
}
