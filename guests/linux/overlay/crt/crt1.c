/*
 * Where the engine enters. Arguments come from the engine's calls, the environment from a file of NAME=VALUE lines that the
 * engine names (or none). They are laid out as Linux does: argv, 0, environ, 0, the auxiliary vector.
 */
#include <elf.h>
#include <features.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "syscall.h"
#include "kstat.h"

#define WALI(name) __attribute__((__import_module__("wali"), __import_name__(name)))
int __wali_init(void) WALI("__init");
int __wali_argc(void) WALI("__cl_get_argc");
int __wali_argv_len(int index) WALI("__cl_get_argv_len");
int __wali_copy_argv(char *to, int index) WALI("__cl_copy_argv");
int __wali_envfile(char *path, int size) WALI("__get_init_envfile");

void __wasm_call_ctors(void);
int __main_void(void);
hidden void __init_libc(char **, char *);

hidden int __main_argc;
hidden char **__main_argv;

static void *pages(size_t size)
{
	long address = __syscall(SYS_mmap, 0, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
	if (address < 0 && address > -4096) __builtin_trap();
	return (void *)address;
}

/* The engine's file of variables, a 0 behind it; its size is given back, 0 if there is none. */
static char *read_environment(size_t *size)
{
	char path[1000];
	*size = 0;
	if (!__wali_envfile(path, sizeof path)) return 0;
	int fd = __syscall(SYS_open, path, O_RDONLY|O_CLOEXEC, 0);
	if (fd < 0) return 0;
	struct kstat st;
	char *text = 0;
	if (!__syscall(SYS_fstat, fd, &st) && st.st_size) {
		text = pages(st.st_size + 1);
		while (*size < st.st_size) {
			long count = __syscall(SYS_read, fd, text + *size, (size_t)st.st_size - *size);
			if (count <= 0) break;
			*size += count;
		}
		text[*size] = 0;
	}
	__syscall(SYS_close, fd);
	return text;
}

void _start(void)
{
	__wali_init();
	size_t size, lines = 0, bytes = 0;
	char *environment = read_environment(&size);
	for (size_t i = 0; i < size; i++) lines += environment[i] == '\n';
	int argc = __wali_argc();
	for (int i = 0; i < argc; i++) bytes += __wali_argv_len(i) + 1;

	/* argv, environ (a last line may lack its end), six auxiliary pairs, 16 random bytes, the arguments' text. */
	size_t words = argc + 1 + lines + 2 + 6*2;
	void **block = pages(words * sizeof *block + 16 + bytes);
	void **argv = block;
	char *random = (char *)(block + words), *text = random + 16;
	for (int i = 0; i < argc; i++) {
		__wali_copy_argv(text, i);
		*block++ = text;
		text += strlen(text) + 1;
	}
	*block++ = 0;
	for (char *line = environment, *end; line && *line; line = end) {
		end = __strchrnul(line, '\n');
		if (*end) *end++ = 0;
		if (*line) *block++ = line;
	}
	*block++ = 0;
	size_t *aux = (size_t *)block;
	__syscall(SYS_getrandom, random, 16, 0);
	*aux++ = AT_PAGESZ, *aux++ = 4096;
	*aux++ = AT_RANDOM, *aux++ = (size_t)random;

	__main_argc = argc;
	__main_argv = (char **)argv;
	__init_libc((char **)argv + argc + 1, *argv);
	__wasm_call_ctors();
	/* Straight, not by a pointer: what calls main is on every stack that a fork copies. */
	exit(__main_void());
}
