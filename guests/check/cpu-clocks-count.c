// CPU time passes while a process computes and not while it sleeps: for the process, for a thread, and for children that were waited for.
// covers: clock_gettime getrusage times clock_getres setitimer getitimer
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>
#include <sys/times.h>

static volatile int alarms;

static void handler(int signal)
{
	alarms += signal == SIGPROF;
}

static long cpu_ms(clockid_t clock)
{
	struct timespec now;
	if (clock_gettime(clock, &now) != 0)
		printf("clock_gettime: %s\n", errno_name(errno));
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void compute(long ms)
{
	long end = now_ms() + ms;
	while (now_ms() < end)
		;
}

/* Until so much of the clock has passed: a busy system may give it late, but gives it. */
static void compute_cpu(clockid_t clock, long ms)
{
	long before = cpu_ms(clock);
	for (int i = 0; i < 300 && cpu_ms(clock) - before < ms; i++)
		compute(10);
}

static void *worker(void *argument)
{
	clockid_t mine;
	long before = cpu_ms(CLOCK_THREAD_CPUTIME_ID);
	compute_cpu(CLOCK_THREAD_CPUTIME_ID, 20);
	long after = cpu_ms(CLOCK_THREAD_CPUTIME_ID);
	HOLDS(after - before >= 5);
	SAY_ERROR(pthread_getcpuclockid(pthread_self(), &mine));
	HOLDS(cpu_ms(mine) >= after);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct rusage usage;
	struct tms ticks;
	struct timespec step;
	long before = cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
	sleep_ms(200);
	HOLDS(cpu_ms(CLOCK_PROCESS_CPUTIME_ID) - before < 100);
	compute_cpu(CLOCK_PROCESS_CPUTIME_ID, 20);
	HOLDS(cpu_ms(CLOCK_PROCESS_CPUTIME_ID) - before >= 5);
	SAY(clock_getres(CLOCK_PROCESS_CPUTIME_ID, &step));
	SAY(getrusage(RUSAGE_SELF, &usage));
	HOLDS(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + 1000000 * (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) > 0);
	pthread_t thread;
	pthread_create(&thread, NULL, worker, NULL);
	pthread_join(thread, NULL);
	pid_t child = fork();
	if (child == 0) {
		compute_cpu(CLOCK_PROCESS_CPUTIME_ID, 30);
		_exit(0);
	}
	times(&ticks);
	printf("children before: %d\n", (int)(ticks.tms_cutime + ticks.tms_cstime));
	reap("child", child);
	HOLDS(times(&ticks) != (clock_t)-1);
	HOLDS(ticks.tms_cutime + ticks.tms_cstime >= 1);
	getrusage(RUSAGE_CHILDREN, &usage);
	HOLDS(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + usage.ru_utime.tv_sec + usage.ru_stime.tv_sec > 0);
	SAY(getrusage(77, &usage));

	struct itimerval once = { .it_value = { 0, 20000 } }, left;
	signal(SIGPROF, handler);
	SAY(setitimer(ITIMER_PROF, &once, NULL));
	sleep_ms(100);
	printf("alarms after a sleep: %d\n", alarms);
	SAY(getitimer(ITIMER_PROF, &left));
	HOLDS(left.it_value.tv_usec > 0);
	while (alarms == 0)
		compute(1);
	printf("alarms after computing: %d\n", alarms);
	return 0;
}
