// Signal handlers, thread functions and cleanup handlers that take or return something else than they should: native code does not mind.
// covers: rt_sigaction tkill
#include "check.h"
#include <pthread.h>

static int calls;

static void nothing(void)
{
	calls += 1;
}

static int returns(int signal)
{
	calls += 10 * (signal == SIGUSR1);
	return 5;
}

static int three(int signal, siginfo_t *info, void *context)
{
	calls += 100 * (info->si_signo == signal && context != NULL);
	return 6;
}

static void *worker()
{
	return &calls;
}

static void silent_worker(void)
{
	calls += 1000;
}

static void cleaner()
{
	calls += 10000;
}

static void *cleaned(void *argument)
{
	pthread_cleanup_push((void (*)(void *))cleaner, argument);
	pthread_exit(argument);
	pthread_cleanup_pop(0);
	return NULL;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	void *handlers[] = { nothing, returns, three };
	for (int i = 0; i < 3; i++) {
		struct sigaction action = { .sa_sigaction = handlers[i], .sa_flags = SA_SIGINFO };
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
		printf("calls: %d\n", calls);
	}
	pthread_t thread;
	void *result = NULL;
	SAY_ERROR(pthread_create(&thread, NULL, (void *(*)(void *))worker, NULL));
	pthread_join(thread, &result);
	HOLDS(result == &calls);
	SAY_ERROR(pthread_create(&thread, NULL, (void *(*)(void *))silent_worker, NULL));
	pthread_join(thread, NULL);
	SAY_ERROR(pthread_create(&thread, NULL, cleaned, NULL));
	pthread_join(thread, NULL);
	printf("calls: %d\n", calls);
	return 0;
}
