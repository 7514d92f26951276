/*
 * System calls by name. Inside the library SYS_read is not a number but a name that stands for itself: `__syscall(SYS_read, ...)`
 * becomes `__wali_SYS_read(...)`, a macro of the generated syscall_arch.h that converts the arguments and calls the import
 * `wali.SYS_read`. As a value, SYS_read is an enumeration constant with x86-64's number.
 */
#ifndef _INTERNAL_SYSCALL_H
#define _INTERNAL_SYSCALL_H

#include <features.h>
#include <errno.h>
#include <sys/syscall.h>
#include "syscall_arch.h"

#define SYSCALL_RLIM_INFINITY (~0ULL)
#define SYSCALL_MMAP2_UNIT 4096ULL
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)
#define __SYSCALL_LL_PRW(x) (x)
typedef long long syscall_arg_t;

hidden long __syscall_ret(unsigned long);

/* Arguments that a caller leaves out are 0; those that a call does not have fall away. */
#define __syscall_by_name(n, a, b, c, d, e, f, ...) __wali_##n(a, b, c, d, e, f)
#define __syscall(...) __syscall_by_name(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define syscall(...) __syscall_ret(__syscall(__VA_ARGS__))

/*
 * Cancellation points. Signals arrive at the end of system calls only, so a request made between the look at the flag and the
 * call cannot be missed: whatever comes while the call waits ends it with EINTR.
 */
hidden long __cancel_before(int call), __cancel_after(int call, long result);
#define __syscall_first(n, ...) n
#define __syscall_cp(...) __extension__({ \
	long __result = __cancel_before(__syscall_first(__VA_ARGS__, 0)); \
	if (!__result) __result = __cancel_after(__syscall_first(__VA_ARGS__, 0), __syscall(__VA_ARGS__)); \
	__result; })
#define syscall_cp(...) __syscall_ret(__syscall_cp(__VA_ARGS__))

#define __socketcall(nm, a, b, c, d, e, f) __syscall(SYS_##nm, a, b, c, d, e, f)
#define __socketcall_cp(nm, a, b, c, d, e, f) __syscall_cp(SYS_##nm, a, b, c, d, e, f)
#define socketcall(nm, a, b, c, d, e, f) __syscall_ret(__socketcall(nm, a, b, c, d, e, f))
#define socketcall_cp(nm, a, b, c, d, e, f) __syscall_ret(__socketcall_cp(nm, a, b, c, d, e, f))

/* Names by which the library knows calls that Linux calls otherwise. */
#undef SYS_getdents
#define SYS_getdents SYS_getdents64
#define SYS_fstatat SYS_newfstatat
#define SYS_pread SYS_pread64
#define SYS_pwrite SYS_pwrite64
#define SYS_fadvise SYS_fadvise64
/* Every time that the kernel reads has 64 bits, whatever the call's name: the library is to pass two long long, not two long. */
#define SYS_ppoll_time64 SYS_ppoll
#define SYS_pselect6_time64 SYS_pselect6
#define SYS_clock_settime64 SYS_clock_settime
#define SYS_clock_adjtime64 SYS_clock_adjtime

#define SO_RCVTIMEO_OLD 20
#define SO_SNDTIMEO_OLD 21
#define SO_TIMESTAMP_OLD 29
#define SO_TIMESTAMPNS_OLD 35
#define SO_TIMESTAMPING_OLD 37
#define SCM_TIMESTAMP_OLD SO_TIMESTAMP_OLD
#define SCM_TIMESTAMPNS_OLD SO_TIMESTAMPNS_OLD
#define SCM_TIMESTAMPING_OLD SO_TIMESTAMPING_OLD
#define SIOCGSTAMP_OLD 0x8906
#define SIOCGSTAMPNS_OLD 0x8907

#define __sys_open_mode(path, flags, mode, ...) __syscall(SYS_open, path, (flags)|O_LARGEFILE, mode)
#define __sys_open(...) __sys_open_mode(__VA_ARGS__, 0, 0)
#define sys_open(...) __syscall_ret(__sys_open(__VA_ARGS__))
#define __sys_open_cp_mode(path, flags, mode, ...) __syscall_cp(SYS_open, path, (flags)|O_LARGEFILE, mode)
#define __sys_open_cp(...) __sys_open_cp_mode(__VA_ARGS__, 0, 0)
#define sys_open_cp(...) __syscall_ret(__sys_open_cp(__VA_ARGS__))

hidden void __procfdname(char __buf[static 15+3*sizeof(int)], unsigned);

#endif
