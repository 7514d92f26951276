// A timerfd counts its expirations, once or by an interval, relative or absolute, and can be disarmed.
// covers: timerfd_create timerfd_settime timerfd_gettime
#include "check.h"
#include <poll.h>
#include <sys/timerfd.h>

static long ms_left(int fd)
{
	struct itimerspec now;
	timerfd_gettime(fd, &now);
	return (long)now.it_value.tv_sec * 1000 + (now.it_value.tv_nsec + 999999) / 1000000;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uint64_t count;
	struct itimerspec old, set = { .it_value = { 0, 60000000 } };
	int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(read(fd, &count, 8));
	SAY(timerfd_settime(fd, 0, &set, NULL));
	HOLDS(ms_left(fd) > 0 && ms_left(fd) <= 60);
	SAY(read(fd, &count, 8));
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	SAY(poll(&poll_fd, 1, 5000));
	SAY(read(fd, &count, 8));
	printf("count %d\n", (int)count);
	SAY(read(fd, &count, 8));
	HOLDS(ms_left(fd) == 0);
	set.it_interval.tv_nsec = 5000000;
	set.it_value.tv_nsec = 5000000;
	SAY(timerfd_settime(fd, 0, &set, NULL));
	sleep_ms(40);
	SAY(read(fd, &count, 8));
	HOLDS(count >= 5);
	set.it_value.tv_nsec = 0;
	SAY(timerfd_settime(fd, 0, &set, &old));
	printf("the interval was %ld ns\n", (long)old.it_interval.tv_nsec);
	SAY(read(fd, &count, 8));
	set = (struct itimerspec){ .it_value = { 1, 0 } };
	SAY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &set, NULL));
	SAY(poll(&poll_fd, 1, 5000));
	SAY(read(fd, &count, 8));
	SAY(read(fd, &count, 4));
	SAY(write(fd, &count, 8));
	return 0;
}
