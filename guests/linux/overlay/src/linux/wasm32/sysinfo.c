/* The kernel's counters have 64 bits, the program's 32: sizes are given in units large enough. */
#include <sys/sysinfo.h>
#include "syscall.h"

struct kernel_sysinfo {
	long long uptime;
	unsigned long long loads[3];
	unsigned long long totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	unsigned short procs, pad;
	unsigned long long totalhigh, freehigh;
	unsigned mem_unit;
	char reserved[256];
};

int __lsysinfo(struct sysinfo *info)
{
	struct kernel_sysinfo kernel;
	long result = __syscall(SYS_sysinfo, &kernel);
	if (result) return __syscall_ret(result);

	unsigned long long largest = kernel.totalram | kernel.totalswap | kernel.totalhigh;
	int shift = largest >> 32 ? 64 - __builtin_clzll(largest) - 32 : 0;
	info->uptime = kernel.uptime;
	for (int i = 0; i < 3; i++) info->loads[i] = kernel.loads[i];
	info->totalram = kernel.totalram >> shift;
	info->freeram = kernel.freeram >> shift;
	info->sharedram = kernel.sharedram >> shift;
	info->bufferram = kernel.bufferram >> shift;
	info->totalswap = kernel.totalswap >> shift;
	info->freeswap = kernel.freeswap >> shift;
	info->procs = kernel.procs;
	info->totalhigh = kernel.totalhigh >> shift;
	info->freehigh = kernel.freehigh >> shift;
	info->mem_unit = (kernel.mem_unit ? kernel.mem_unit : 1) << shift;
	return 0;
}

weak_alias(__lsysinfo, sysinfo);
