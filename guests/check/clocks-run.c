// The clocks run forwards, agree with each other, and have a resolution; unknown ones are refused.
// covers: clock_gettime clock_getres gettimeofday
#include "check.h"

RAW2(clock_gettime)
RAW2(clock_getres)
RAW2(gettimeofday)

struct kernel_time {
	int64_t sec, nsec;
};

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
			 CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME };
	struct kernel_time one, two, resolution;
	for (int i = 0; i < 8; i++) {
		printf("clock %d: ", clocks[i]);
		SAY(raw_clock_gettime(clocks[i], P(&one)));
		raw_clock_gettime(clocks[i], P(&two));
		HOLDS(two.sec > one.sec || (two.sec == one.sec && two.nsec >= one.nsec));
		HOLDS(one.nsec >= 0 && one.nsec < 1000000000);
		SAY(raw_clock_getres(clocks[i], P(&resolution)));
		HOLDS(resolution.sec == 0 && resolution.nsec > 0 && resolution.nsec <= 10000000);
	}
	SAY(raw_clock_getres(CLOCK_REALTIME, 0));
	SAY(raw_clock_gettime(99, P(&one)));
	SAY(raw_clock_getres(99, P(&one)));
	SAY(raw_clock_gettime(CLOCK_REALTIME, P(NOWHERE)));
	SAY(raw_clock_getres(CLOCK_REALTIME, P(NOWHERE)));
	SAY(raw_gettimeofday(P(&two), 0));
	raw_clock_gettime(CLOCK_REALTIME, P(&one));
	HOLDS(one.sec - two.sec <= 1 && two.nsec < 1000000);
	SAY(raw_gettimeofday(0, 0));
	SAY(raw_gettimeofday(P(NOWHERE), 0));
	HOLDS(one.sec - time(NULL) <= 1 && time(NULL) - one.sec <= 1);
	return 0;
}
