/*
 * What the programs of this folder share. Each program shows one behaviour of Linux: it prints what it observed, natively and in a
 * machine, and both must print the same and exit with the same status (test/guests/check.test.ts).
 *
 * A program is deterministic (it prints no pid, port, address or time), keeps to the folder it is given as its first argument, and
 * ends by itself in well under a second. `// covers:` names the rows of the Linux system-call table that it exercises.
 */
#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An address that belongs to nobody, in a 64-bit process as in 32-bit linear memory. */
#define NOWHERE ((void *)0xfffff000ul)

/* Goes to the folder to work in. Output is unbuffered, so that a forked child inherits none. */
static inline void check_start(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	umask(022);
	if (argc > 1 && chdir(argv[1]) != 0) {
		printf("no folder to work in\n");
		exit(99);
	}
}

static inline const char *errno_name(int error)
{
#define NAME(e) case e: return #e
	switch (error) {
	NAME(EPERM); NAME(ENOENT); NAME(ESRCH); NAME(EINTR); NAME(EIO); NAME(ENXIO); NAME(E2BIG); NAME(ENOEXEC); NAME(EBADF);
	NAME(ECHILD); NAME(EAGAIN); NAME(ENOMEM); NAME(EACCES); NAME(EFAULT); NAME(ENOTBLK); NAME(EBUSY); NAME(EEXIST);
	NAME(EXDEV); NAME(ENODEV); NAME(ENOTDIR); NAME(EISDIR); NAME(EINVAL); NAME(ENFILE); NAME(EMFILE); NAME(ENOTTY);
	NAME(ETXTBSY); NAME(EFBIG); NAME(ENOSPC); NAME(ESPIPE); NAME(EROFS); NAME(EMLINK); NAME(EPIPE); NAME(EDOM);
	NAME(ERANGE); NAME(EDEADLK); NAME(ENAMETOOLONG); NAME(ENOLCK); NAME(ENOSYS); NAME(ENOTEMPTY); NAME(ELOOP);
	NAME(EOVERFLOW); NAME(EILSEQ); NAME(ENOTSOCK); NAME(EDESTADDRREQ); NAME(EMSGSIZE); NAME(EPROTOTYPE);
	NAME(ENOPROTOOPT); NAME(EPROTONOSUPPORT); NAME(ESOCKTNOSUPPORT); NAME(EOPNOTSUPP); NAME(EAFNOSUPPORT);
	NAME(EADDRINUSE); NAME(EADDRNOTAVAIL); NAME(ENETUNREACH); NAME(ECONNABORTED); NAME(ECONNRESET); NAME(ENOBUFS);
	NAME(EISCONN); NAME(ENOTCONN); NAME(ETIMEDOUT); NAME(ECONNREFUSED); NAME(EALREADY); NAME(EINPROGRESS);
	NAME(ECANCELED); NAME(EOWNERDEAD); NAME(ENOTRECOVERABLE);
	}
#undef NAME
	return "an unexpected error";
}

static inline void say_result(const char *call, long long result)
{
	if (result == -1)
		printf("%s: %s\n", call, errno_name(errno));
	else
		printf("%s: %lld\n", call, result);
}

static inline void say_error(const char *call, int error)
{
	printf("%s: %s\n", call, error ? errno_name(error) : "0");
}

static inline int say_success(const char *call, long result)
{
	printf("%s: %s\n", call, result == -1 ? errno_name(errno) : "ok");
	return (int)result;
}

/* Prints a call as written and its result, or the name of its error. */
#define SAY(call) say_result(#call, (call))
/* The same for functions that return an error number, as pthread_* do. */
#define SAY_ERROR(call) say_error(#call, (call))
/* Prints only whether the call succeeded (its result is arbitrary: a descriptor, a pid), and is its result. */
#define OK(call) say_success(#call, (long)(call))
/* Prints a condition as written and whether it holds. */
#define HOLDS(condition) printf("%s: %s\n", #condition, (condition) ? "yes" : "no")

/*
 * System calls without the library's checks: RAW3(read) declares raw_read, which takes three words and answers as read does (-1
 * and errno).
 */
#define RAW0(name) static inline long raw_##name(void) { return syscall(SYS_##name); }
#define RAW1(name) static inline long raw_##name(long a) { return syscall(SYS_##name, a); }
#define RAW2(name) static inline long raw_##name(long a, long b) { return syscall(SYS_##name, a, b); }
#define RAW3(name) static inline long raw_##name(long a, long b, long c) { return syscall(SYS_##name, a, b, c); }
#define RAW4(name) static inline long raw_##name(long a, long b, long c, long d) \
	{ return syscall(SYS_##name, a, b, c, d); }
#define RAW5(name) static inline long raw_##name(long a, long b, long c, long d, long e) \
	{ return syscall(SYS_##name, a, b, c, d, e); }
#define RAW6(name) static inline long raw_##name(long a, long b, long c, long d, long e, long f) \
	{ return syscall(SYS_##name, a, b, c, d, e, f); }
/*
 * The same for calls that the C library of a machine does not know: they are imported. Only for calls without 64-bit arguments.
 */
#ifdef __wasm__
#define IMPORTED(name, ...) \
	__attribute__((import_module("wali"), import_name("SYS_" #name))) int imported_##name(__VA_ARGS__); \
	static inline long imported_result_##name(int result) { return result < 0 ? (errno = -result, -1) : result; }
#define RAW_IMPORTED3(name, number) IMPORTED(name, int, int, int) \
	static inline long raw_##name(long a, long b, long c) \
	{ return imported_result_##name(imported_##name((int)a, (int)b, (int)c)); }
#define RAW_IMPORTED4(name, number) IMPORTED(name, int, int, int, int) \
	static inline long raw_##name(long a, long b, long c, long d) \
	{ return imported_result_##name(imported_##name((int)a, (int)b, (int)c, (int)d)); }
#else
#define RAW_IMPORTED3(name, number) static inline long raw_##name(long a, long b, long c) \
	{ return syscall(number, a, b, c); }
#define RAW_IMPORTED4(name, number) static inline long raw_##name(long a, long b, long c, long d) \
	{ return syscall(number, a, b, c, d); }
#endif
/* A pointer as the word that a raw call takes. */
#define P(pointer) ((long)(uintptr_t)(pointer))

/* A file with this text; an open descriptor, read and write, at its beginning. */
static inline int make_file(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) != 0)
		printf("cannot make %s: %s\n", path, errno_name(errno));
	return fd;
}

/* Prints what a file holds. */
static inline void show_file(const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY);
	long got = fd < 0 ? -1 : (long)read(fd, text, sizeof text);
	if (got < 0)
		printf("%s: %s\n", path, errno_name(errno));
	else
		printf("%s holds \"%.*s\"\n", path, (int)got, text);
	if (fd >= 0)
		close(fd);
}

/* Prints how a child ended. */
static inline void say_status(const char *who, int status)
{
	if (WIFEXITED(status))
		printf("%s exited with %d\n", who, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s was killed by signal %d\n", who, WTERMSIG(status));
	else if (WIFSTOPPED(status))
		printf("%s was stopped by signal %d\n", who, WSTOPSIG(status));
	else
		printf("%s has a strange status\n", who);
}

static inline void reap(const char *who, pid_t pid)
{
	int status = 0;
	if (waitpid(pid, &status, 0) != pid)
		printf("%s: %s\n", who, errno_name(errno));
	else
		say_status(who, status);
}

static inline void sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* Milliseconds of the monotonic clock. */
static inline long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
