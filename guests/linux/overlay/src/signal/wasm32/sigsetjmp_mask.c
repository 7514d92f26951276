#include <setjmp.h>
#include <signal.h>
#include "syscall.h"

void __sigjmp_save(sigjmp_buf env, int save)
{
	env->__fl = save;
	if (save) __syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, env->__ss, _NSIG/8);
}

void __sigjmp_restore(sigjmp_buf env)
{
	if (env->__fl) __syscall(SYS_rt_sigprocmask, SIG_SETMASK, env->__ss, 0, _NSIG/8);
}
