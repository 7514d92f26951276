// nanosleep sleeps at least its time; interrupted it tells what was left; clock_nanosleep also takes a point in time.
// covers: nanosleep clock_nanosleep setitimer
#include "check.h"

RAW2(nanosleep)
RAW4(clock_nanosleep)

struct kernel_time {
	int64_t sec, nsec;
};

static void handler(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct kernel_time wish = { 0, 20000000 }, left = { 9, 9 };
	struct itimerval soon = { .it_value = { 0, 30000 } };
	signal(SIGALRM, handler);
	struct sigaction action = { .sa_handler = handler };
	sigaction(SIGALRM, &action, NULL);
	long before = now_ms();
	SAY(raw_nanosleep(P(&wish), P(&left)));
	HOLDS(now_ms() - before >= 19);
	HOLDS(left.sec == 9);
	wish = (struct kernel_time){ 5, 0 };
	setitimer(ITIMER_REAL, &soon, NULL);
	SAY(raw_nanosleep(P(&wish), P(&left)));
	HOLDS(left.sec == 4 && left.nsec > 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	SAY(raw_clock_nanosleep(CLOCK_MONOTONIC, 0, P(&wish), P(&left)));
	HOLDS(left.sec == 4);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	wish = (struct kernel_time){ now.tv_sec, now.tv_nsec + 20000000 };
	if (wish.nsec >= 1000000000) {
		wish.sec++;
		wish.nsec -= 1000000000;
	}
	before = now_ms();
	SAY(raw_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, P(&wish), 0));
	HOLDS(now_ms() - before >= 18);
	SAY(raw_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, P(&wish), 0));
	wish = (struct kernel_time){ 1, 0 };
	SAY(raw_clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, P(&wish), 0));
	wish.nsec = 1000000000;
	SAY(raw_nanosleep(P(&wish), 0));
	wish = (struct kernel_time){ -1, 0 };
	SAY(raw_nanosleep(P(&wish), 0));
	SAY(raw_clock_nanosleep(CLOCK_REALTIME, 0, P(&wish), 0));
	wish = (struct kernel_time){ 0, 0 };
	SAY(raw_nanosleep(P(&wish), 0));
	SAY(raw_clock_nanosleep(99, 0, P(&wish), 0));
	return 0;
}
