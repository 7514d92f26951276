// pthread_atfork handlers run before and after a fork, in their order; a mutex can be carried over.
// covers: fork wait4
#include "check.h"
#include <pthread.h>

/* The child says through it that it has printed. */
static int ends[2];

static void prepare_one(void) { printf("prepare one\n"); }
static void prepare_two(void) { printf("prepare two\n"); }
static void parent_one(void)
{
	char byte;
	read(ends[0], &byte, 1);
	printf("parent one\n");
}
static void parent_two(void) { printf("parent two\n"); }
static void child_one(void) { printf("child one\n"); }
static void child_two(void)
{
	printf("child two\n");
	write(ends[1], "x", 1);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte;
	pipe(ends);
	SAY_ERROR(pthread_atfork(prepare_one, NULL, child_one));
	SAY_ERROR(pthread_atfork(prepare_two, NULL, child_two));
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	read(ends[0], &byte, 1);
	reap("child", child);
	SAY_ERROR(pthread_atfork(NULL, parent_one, NULL));
	SAY_ERROR(pthread_atfork(NULL, parent_two, NULL));
	child = fork();
	if (child == 0)
		_exit(1);
	reap("child", child);
	return 0;
}
