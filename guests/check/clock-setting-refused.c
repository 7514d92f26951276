// What the calls that set the clock refuse, and that they only tell it where they are asked to change nothing.
// covers: clock_settime settimeofday adjtimex clock_adjtime
// needs: root
#include "check.h"
#include <sys/timex.h>

RAW2(settimeofday)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct timespec bad = { 1000, 1000000000 }, good = { 1000, 0 };
	struct { int64_t sec, usec; } micro = { 1000, 1000000 };
	struct timex timex;
	SAY(clock_settime(CLOCK_REALTIME, &bad));
	SAY(clock_settime(CLOCK_MONOTONIC, &good));
	SAY(clock_settime(99, &good));
	SAY(raw_settimeofday(P(&micro), 0));
	micro.usec = -1;
	SAY(raw_settimeofday(P(&micro), 0));
	SAY(raw_settimeofday(P(NOWHERE), 0));
	memset(&timex, 0, sizeof timex);
	HOLDS(adjtimex(&timex) >= 0);
	HOLDS(timex.tick > 0);
	memset(&timex, 0, sizeof timex);
	HOLDS(clock_adjtime(CLOCK_REALTIME, &timex) >= 0);
	SAY(clock_adjtime(99, &timex));
	return 0;
}
