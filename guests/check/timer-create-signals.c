// A POSIX timer sends its signal with its value, once or by an interval, counts overruns, and can be deleted.
// covers: timer_create timer_settime timer_gettime timer_getoverrun timer_delete
#include "check.h"

static volatile int fired, value, code;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fired++;
	value = info->si_value.sival_int;
	code = info->si_code;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	timer_t timer;
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value = { .sival_int = 33 } };
	struct itimerspec set = { { 0, 0 }, { 0, 10000000 } }, got;
	sigaction(SIGRTMIN, &action, NULL);
	SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
	SAY(timer_gettime(timer, &got));
	HOLDS(got.it_value.tv_sec == 0 && got.it_value.tv_nsec == 0);
	SAY(timer_settime(timer, 0, &set, NULL));
	SAY(timer_gettime(timer, &got));
	HOLDS(got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 10000000);
	for (int i = 0; i < 1000 && fired == 0; i++)
		sleep_ms(1);
	printf("fired %d, value %d, code %d\n", fired, value, code);
	sigset_t block;
	sigemptyset(&block);
	sigaddset(&block, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &block, NULL);
	set.it_interval.tv_nsec = 2000000;
	set.it_value.tv_nsec = 2000000;
	SAY(timer_settime(timer, 0, &set, NULL));
	sleep_ms(30);
	fired = 0;
	set = (struct itimerspec){ 0 };
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	int overrun = timer_getoverrun(timer);
	SAY(timer_settime(timer, 0, &set, &got));
	HOLDS(fired >= 1 && overrun >= 5);
	HOLDS(got.it_interval.tv_nsec == 2000000);
	set.it_value.tv_nsec = -1;
	SAY(timer_settime(timer, 0, &set, NULL));
	SAY(timer_delete(timer));
	SAY(timer_create(99, &event, &timer));
	return 0;
}
