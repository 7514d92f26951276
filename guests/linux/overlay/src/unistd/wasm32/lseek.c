#include <unistd.h>
#include "syscall.h"

off_t __lseek(int fd, off_t offset, int whence)
{
	long long result = __syscall(SYS_lseek, fd, offset, whence);
	return result < 0 ? __syscall_ret(result) : result;
}

weak_alias(__lseek, lseek);
weak_alias(__lseek, lseek64);
