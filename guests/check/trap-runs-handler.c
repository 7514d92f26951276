// A program that does what cannot be done gets a signal: its handler runs, may end the process in its own way, and if it cannot go on the process dies.
// covers: rt_sigaction sigaltstack wait4 rt_sigprocmask
#include "check.h"
#include <pthread.h>

static char space[65536];
static volatile int zero, one = 1;

static void report(int signal, siginfo_t *info, void *context)
{
	printf("handler of signal %d, information of %d, %s\n", signal, info->si_signo, context ? "context" : "no context");
	struct sigaction normal = { .sa_handler = SIG_DFL };
	sigaction(signal, &normal, NULL);
	raise(signal);
}

static void leave(int signal)
{
	printf("leaving after signal %d\n", signal);
	_exit(33);
}

static void again(int signal)
{
	printf("again %d\n", signal);
	*(volatile int *)NOWHERE = 1;
}

static int deep(int depth)
{
	volatile char room[1000];
	room[depth % 1000] = (char)depth;
	return depth == 0 ? 0 : deep(depth + 1) + room[3];
}

static void *crash(void *argument)
{
	*(volatile int *)NOWHERE = 1;
	return argument;
}

static void in_child(const char *what, int signal, void (*handler)(int), void (*action)(void))
{
	printf("%s\n", what);
	pid_t child = fork();
	if (child == 0) {
		stack_t stack = { .ss_sp = space, .ss_size = sizeof space };
		struct sigaction set = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
		sigaltstack(&stack, NULL);
		if (handler)
			set.sa_handler = handler;
		else
			set.sa_sigaction = report;
		sigaction(signal, &set, NULL);
		action();
		_exit(77);
	}
	reap("child", child);
}

static void store(void)
{
	*(volatile int *)NOWHERE = 1;
}

static void divide(void)
{
	one /= zero;
}

static void trap(void)
{
	__builtin_trap();
}

static void recurse(void)
{
	_exit(deep(1));
}

static void in_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, crash, NULL);
	pthread_join(thread, NULL);
}

static void blocked(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	store();
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	in_child("an address that is none", SIGSEGV, NULL, store);
	in_child("a division by zero", SIGFPE, NULL, divide);
	in_child("an instruction that is none", SIGILL, NULL, trap);
	in_child("a stack that is too deep", SIGSEGV, NULL, recurse);
	in_child("in a thread", SIGSEGV, NULL, in_thread);
	in_child("left by exit", SIGSEGV, leave, store);
	in_child("in the handler itself", SIGSEGV, again, store);
	in_child("while the signal is blocked", SIGSEGV, NULL, blocked);
	in_child("without a handler", SIGUSR1, NULL, store);
	return 0;
}
