#include <string.h>
#include <sys/resource.h>
#include "syscall.h"
#include "kernel_rusage.h"

int getrusage(int who, struct rusage *usage)
{
	struct kernel_rusage kernel;
	long result = __syscall(SYS_getrusage, who, &kernel);
	if (!result) __rusage_from_kernel(usage, &kernel);
	return __syscall_ret(result);
}
