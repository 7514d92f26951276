// An interval timer fires after its time and again by its interval, tells what is left, and is disarmed by zero.
// covers: setitimer getitimer alarm
#include "check.h"

RAW3(setitimer)
RAW2(getitimer)
RAW1(alarm)

static volatile int fired;

static void handler(int signal)
{
	(void)signal;
	fired++;
}

struct timer {
	int64_t interval[2], value[2];
};

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct timer set = { { 0, 10000 }, { 0, 20000 } }, got;
	signal(SIGALRM, handler);
	SAY(raw_getitimer(ITIMER_REAL, P(&got)));
	HOLDS(got.value[0] == 0 && got.value[1] == 0);
	long before = now_ms();
	SAY(raw_setitimer(ITIMER_REAL, P(&set), 0));
	SAY(raw_getitimer(ITIMER_REAL, P(&got)));
	HOLDS(got.value[1] > 0 && got.value[1] <= 20000 && got.interval[1] == 10000);
	while (fired < 4)
		sleep_ms(1);
	HOLDS(now_ms() - before >= 45);
	set = (struct timer){ { 0, 0 }, { 0, 0 } };
	SAY(raw_setitimer(ITIMER_REAL, P(&set), P(&got)));
	HOLDS(got.interval[1] == 10000);
	int now = fired;
	sleep_ms(25);
	HOLDS(fired == now);
	set.value[0] = 100;
	raw_setitimer(ITIMER_REAL, P(&set), 0);
	SAY(raw_alarm(50));
	SAY(raw_alarm(0));
	SAY(raw_alarm(0));
	set.value[1] = 1000000;
	SAY(raw_setitimer(ITIMER_REAL, P(&set), 0));
	SAY(raw_setitimer(99, P(&set), 0));
	SAY(raw_setitimer(ITIMER_REAL, P(NOWHERE), 0));
	SAY(raw_getitimer(99, P(&got)));
	pid_t child = fork();
	if (child == 0) {
		raw_getitimer(ITIMER_REAL, P(&got));
		HOLDS(got.value[0] == 0 && got.value[1] == 0);
		signal(SIGALRM, SIG_DFL);
		set.value[0] = 0;
		set.value[1] = 1000;
		raw_setitimer(ITIMER_REAL, P(&set), 0);
		sleep_ms(1000);
		_exit(0);
	}
	reap("child", child);
	return 0;
}
