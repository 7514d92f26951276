// What the timerfd calls refuse.
// covers: timerfd_create timerfd_settime timerfd_gettime
#include "check.h"
#include <sys/timerfd.h>

RAW2(timerfd_create)
RAW4(timerfd_settime)
RAW2(timerfd_gettime)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int64_t times[4] = { 0, 0, 1, 0 };
	int file = make_file("file", "");
	int fd = OK(raw_timerfd_create(CLOCK_REALTIME, 0));
	SAY(raw_timerfd_create(99, 0));
	SAY(raw_timerfd_create(CLOCK_MONOTONIC, 0x1234));
	SAY(raw_timerfd_settime(fd, 0, P(times), 0));
	times[3] = 1000000000;
	SAY(raw_timerfd_settime(fd, 0, P(times), 0));
	times[3] = -1;
	SAY(raw_timerfd_settime(fd, 0, P(times), 0));
	times[3] = 0;
	SAY(raw_timerfd_settime(fd, 0x100, P(times), 0));
	SAY(raw_timerfd_settime(file, 0, P(times), 0));
	SAY(raw_timerfd_settime(99, 0, P(times), 0));
	SAY(raw_timerfd_gettime(file, P(times)));
	SAY(raw_timerfd_gettime(99, P(times)));
	SAY(raw_timerfd_gettime(fd, P(NOWHERE)));
	return 0;
}
