#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>

#define TICKS 100

static clock_t ticks(struct timeval time)
{
	return time.tv_sec * TICKS + time.tv_usec / (1000000 / TICKS);
}

clock_t times(struct tms *tms)
{
	struct rusage self, children;
	struct timespec now;
	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	if (tms) {
		tms->tms_utime = ticks(self.ru_utime);
		tms->tms_stime = ticks(self.ru_stime);
		tms->tms_cutime = ticks(children.ru_utime);
		tms->tms_cstime = ticks(children.ru_stime);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * TICKS + now.tv_nsec / (1000000000 / TICKS);
}
