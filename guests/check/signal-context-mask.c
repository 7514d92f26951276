// The mask in a handler's context is the interrupted one, and is what the thread goes on with.
// covers: rt_sigaction rt_sigprocmask
#include "check.h"
#include <ucontext.h>

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;
	(void)info;
	printf("signal %d, SIGHUP was %s, SIGUSR2 was %s\n", signal,
		sigismember(&interrupted->uc_sigmask, SIGHUP) ? "blocked" : "free",
		sigismember(&interrupted->uc_sigmask, SIGUSR2) ? "blocked" : "free");
	sigaddset(&interrupted->uc_sigmask, SIGUSR2);
	sigdelset(&interrupted->uc_sigmask, SIGHUP);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigset_t mask;
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (int i = 0; i < 2; i++) {
		raise(SIGUSR1);
		sigprocmask(SIG_SETMASK, NULL, &mask);
		printf("now SIGHUP is %s, SIGUSR2 is %s\n", sigismember(&mask, SIGHUP) ? "blocked" : "free",
			sigismember(&mask, SIGUSR2) ? "blocked" : "free");
	}
	return 0;
}
