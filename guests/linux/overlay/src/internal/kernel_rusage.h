/* struct rusage as the kernel has it: fourteen 64-bit counters after the two times. */
#ifndef _KERNEL_RUSAGE_H
#define _KERNEL_RUSAGE_H

#include <sys/resource.h>

#define KERNEL_RUSAGE_COUNTERS 14

struct kernel_rusage {
	struct timeval ru_utime, ru_stime;
	long long counters[KERNEL_RUSAGE_COUNTERS];
	long long reserved[16];
};

static inline void __rusage_from_kernel(struct rusage *usage, const struct kernel_rusage *kernel)
{
	long *counters = &usage->ru_maxrss;
	usage->ru_utime = kernel->ru_utime;
	usage->ru_stime = kernel->ru_stime;
	for (int i = 0; i < KERNEL_RUSAGE_COUNTERS; i++) counters[i] = kernel->counters[i];
}

#endif
