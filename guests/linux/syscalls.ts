/**
 * The system calls that programs import from module `wali`, with the shape of their parameters, and the headers made of them.
 *
 * A row is NAME SHAPE: Linux' name, then a letter for every parameter. Where WALI knows the call by another name, that one stands
 * behind a `=`. Numbers are not here: they are x86-64's, and come with the C library's source.
 *
 *   i  32 bits: int, pointer, size_t
 *   l  64 bits: off_t, loff_t
 *   w  64 bits: an unsigned long that may hold a pointer or an int
 *   t  pointer to a struct timespec that the kernel reads
 *   u  pointer to two of them (struct itimerspec, utimensat's times)
 *   f  futex' fourth: a struct timespec if the operation waits, a number if it requeues
 *
 * The kernel's tv_nsec has 64 bits, the program's 32 and padding that may hold anything: t, u and f hand the kernel a clean copy.
 */
const ROWS = `
read iii; write iii; open iii; close i; stat ii; fstat ii; lstat ii; poll ili; lseek ili; mmap iiiiil; mprotect iii; munmap ii
brk i; rt_sigaction iiii; rt_sigprocmask iiii; ioctl iii; pread64 iiil; pwrite64 iiil; readv iii; writev iii; access ii; pipe i
select iiiii; sched_yield; mremap iiiii; msync iii; mincore iii; madvise iii; shmget iii; shmat iii; shmctl iii; dup i; dup2 ii
pause; nanosleep ti; getitimer ii; alarm i; setitimer iii; getpid; sendfile iiii; socket iii; connect iii; accept iii
sendto iiiiii; recvfrom iiiiii; sendmsg iii; recvmsg iii; shutdown ii; bind iii; listen ii; getsockname iii; getpeername iii
socketpair iiii; setsockopt iiiii; getsockopt iiiii; fork; execve iii; exit i; wait4 iiii; kill ii; uname i; semget iii; semop iii
semctl iiii; shmdt i; msgget ii; msgsnd iiii; msgrcv iiiii; msgctl iii; fcntl iiw; flock ii; fsync i; fdatasync i; truncate il
ftruncate il; getcwd ii; chdir i; fchdir i; rename ii; mkdir ii; rmdir i; creat ii; link ii; unlink i; symlink ii; readlink iii
chmod ii; fchmod ii; chown iii; fchown iii; lchown iii; umask i; gettimeofday ii; getrlimit ii; getrusage ii; sysinfo i; ptrace iiww
getuid; syslog iii; getgid; setuid i; setgid i; geteuid; getegid; setpgid ii; getppid; getpgrp; setsid; setreuid ii; setregid ii
getgroups ii; setgroups ii; setresuid iii; getresuid iii; setresgid iii; getresgid iii; getpgid i; setfsuid i; setfsgid i; getsid i
capget ii; capset ii; rt_sigpending ii; rt_sigtimedwait iiti; rt_sigqueueinfo iii; rt_sigsuspend ii; sigaltstack ii; utime ii
mknod iii; personality i; statfs ii; fstatfs ii; getpriority ii; setpriority iii; sched_setparam ii; sched_getparam ii
sched_setscheduler iii; sched_getscheduler i; sched_get_priority_max i; sched_get_priority_min i; sched_rr_get_interval ii
mlock ii; munlock ii; mlockall i; munlockall; vhangup; pivot_root ii; prctl iwwww; adjtimex i; setrlimit ii; chroot i; sync; acct i
settimeofday ii; mount iiiii; umount2 ii; swapon ii; swapoff i; reboot iiii; sethostname ii; setdomainname ii; init_module iii
delete_module ii; quotactl iiii; gettid; readahead ili; setxattr iiiii; lsetxattr iiiii; fsetxattr iiiii; getxattr iiii
lgetxattr iiii; fgetxattr iiii; listxattr iii; llistxattr iii; flistxattr iii; removexattr ii; lremovexattr ii; fremovexattr ii
tkill ii; time i; futex iiifii; sched_setaffinity iii; sched_getaffinity iii; epoll_create i; remap_file_pages iiiii; getdents64 iii
set_tid_address i; semtimedop iiit; fadvise64=fadvise illi; timer_create iii; timer_settime iiui; timer_gettime ii
timer_getoverrun i; timer_delete i; clock_settime it; clock_gettime ii; clock_getres ii; clock_nanosleep iiti; exit_group i
epoll_wait iiii; epoll_ctl iiii; tgkill iii; utimes ii; mq_open iiii; mq_unlink i; mq_timedsend iiiit; mq_timedreceive iiiit
mq_notify ii; mq_getsetattr iii; waitid iiiii; inotify_init; inotify_add_watch iii; inotify_rm_watch ii; openat iiii; mkdirat iii
mknodat iiii; fchownat iiiii; newfstatat iiii; unlinkat iii; renameat iiii; linkat iiiii; symlinkat iii; readlinkat iiii
fchmodat iii; faccessat iii; pselect6 iiiiti; ppoll iltii; unshare i; set_robust_list ii; get_robust_list iii; splice iiiiii
tee iiii; sync_file_range illi; vmsplice iiii; utimensat iiui; epoll_pwait iiiiii; signalfd iii; timerfd_create ii; eventfd i
fallocate iill; timerfd_settime iiui; timerfd_gettime ii; accept4 iiii; signalfd4 iiii; eventfd2 ii; epoll_create1 i; dup3 iii
pipe2 ii; inotify_init1 i; preadv iiiii; pwritev iiiii; recvmmsg iiiit; fanotify_init ii; fanotify_mark iiwii; prlimit64 iiii
name_to_handle_at iiiii; open_by_handle_at iii; clock_adjtime ii; syncfs i; sendmmsg iiii; setns ii; getcpu iii
process_vm_readv iiiiii; process_vm_writev iiiiii; renameat2 iiiii; seccomp iii; getrandom iii; memfd_create ii; execveat iiiii
membarrier ii; mlock2 iii; copy_file_range iiiiii; statx iiiii; pidfd_send_signal iiii; pidfd_open ii; close_range iii
faccessat2 iiii; epoll_pwait2 iiitii; rt_tgsigqueueinfo iiii; preadv2 iiiiii; pwritev2 iiiiii
`;

/** Calls that the library knows how to make but that a program cannot make by number: they need the library's help. */
const NOT_BY_NUMBER = new Set(["fork", "execve", "execveat", "exit", "rt_sigaction"]);

export interface Call {
  readonly name: string;
  /** Name of the import, without SYS_. */
  readonly importName: string;
  readonly shape: string;
}

export const calls: readonly Call[] = ROWS.trim()
  .split(/[;\n]/)
  .map((row) => {
    const [names = "", shape = ""] = row.trim().split(" ");
    const [name = "", importName = name] = names.split("=");
    return { name, importName, shape };
  });

/** x86-64's numbers, read from the C library's own table (`#define __NR_read 0`). */
export function readNumbers(table: string): Map<string, number> {
  return new Map(
    [...table.matchAll(/^#define\s+__NR_(\w+)\s+(\d+)/gm)].map((match) => [match[1] ?? "", Number(match[2])]),
  );
}

/** <bits/syscall.h> as programs see it: SYS_read is a number. */
export function publicHeader(numbers: Map<string, number>): string {
  const lines = [...numbers].map(([name, number]) => `#define __NR_${name} ${number}\n#define SYS_${name} ${number}`);
  return `${lines.join("\n")}\n`;
}

/** <bits/syscall.h> inside the library: SYS_read stands for itself, and is a number as a value. */
export function internalHeader(numbers: Map<string, number>): string {
  const rows = calls.map(({ name }) => {
    const number = numbers.get(name);
    if (number === undefined) throw new Error(`no number for the system call ${name}`);
    return { name, number };
  });
  const values = rows.map(({ name, number }) => `\tSYS_${name} = ${number},`).join("\n");
  return `enum {\n${values}\n};\n${rows.map(({ name }) => `#define SYS_${name} SYS_${name}`).join("\n")}\n`;
}

const PARAMETERS = ["a", "b", "c", "d", "e", "f"];

/** "syscall_arch.h": the imports, and for each a macro that takes six arguments and converts those that the call has. */
export function importHeader(): string {
  const lines = calls.map(({ name, importName, shape }) => {
    const types = [...shape].map((kind) => (kind === "l" || kind === "w" ? "long long" : "int")).join(", ");
    const args = [...shape].map((kind, index) => {
      const argument = `(${PARAMETERS[index]})`;
      if (kind === "l") return `(long long)${argument}`;
      if (kind === "w") return `(long long)(long)${argument}`;
      if (kind === "t") return `__clean_timespec((const void *)${argument}, (long long[2]){0})`;
      if (kind === "u") return `__clean_timespecs((const void *)${argument}, (long long[4]){0})`;
      if (kind === "f") return `__clean_futex((int)(b), (const void *)${argument}, (long long[2]){0})`;
      return `(int)${argument}`;
    });
    return `long long __import_${name}(${types || "void"})
	__attribute__((__import_module__("wali"), __import_name__("SYS_${importName}")));
#define __wali_SYS_${name}(a, b, c, d, e, f) __import_${name}(${args.join(", ")})`;
  });
  return `${CLEANERS}\n${lines.join("\n")}\n`;
}

const CLEANERS = `/* A struct timespec as the kernel reads it: two numbers of 64 bits. */
static inline int __clean_timespec(const void *from, long long *to)
{
	if (!from) return 0;
	to[0] = *(const long long *)from;
	to[1] = *(const int *)((const char *)from + 8);
	return (int)to;
}

static inline int __clean_timespecs(const void *from, long long *to)
{
	if (!from) return 0;
	__clean_timespec(from, to);
	__clean_timespec((const char *)from + 16, to + 2);
	return (int)to;
}

static inline int __clean_futex(int operation, const void *argument, long long *to)
{
	switch (operation & 127) {
	case 0: case 6: case 9: case 11: case 13:
		return __clean_timespec(argument, to);
	default:
		return (int)argument;
	}
}
`;

/** `long syscall(long number, ...)`: a program that uses it imports every call but those that need the library's help. */
export function syscallFunction(): string {
  const cases = calls
    .filter(({ name }) => !NOT_BY_NUMBER.has(name))
    .map(({ name, shape }) => {
      const args = [...shape].map((kind, index) =>
        kind === "l"
          ? `(long long)a[${index}]`
          : kind === "t" || kind === "u" || kind === "f"
            ? `(void *)a[${index}]`
            : `a[${index}]`,
      );
      return `	case SYS_${name}: return __syscall_ret(__syscall(${[`SYS_${name}`, ...args].join(", ")}));`;
    });
  return `#define _GNU_SOURCE
#include <stdarg.h>
#include "syscall.h"
#undef syscall

long syscall(long number, ...)
{
	long a[6];
	va_list arguments;
	va_start(arguments, number);
	for (int i = 0; i < 6; i++) a[i] = va_arg(arguments, long);
	va_end(arguments);
	switch (number) {
${cases.join("\n")}
	default: return __syscall_ret(-ENOSYS);
	}
}
`;
}
