#define _GNU_SOURCE
#include <sys/wait.h>
#include <sys/resource.h>
#include "syscall.h"
#include "kernel_rusage.h"

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	struct kernel_rusage kernel;
	long result = __syscall(SYS_wait4, pid, status, options, usage ? &kernel : 0);
	if (result > 0 && usage) __rusage_from_kernel(usage, &kernel);
	return __syscall_ret(result);
}
