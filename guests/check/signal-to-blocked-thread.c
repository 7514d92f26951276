// A signal to the process goes to a thread that does not block it; pthread_kill reaches the one thread it names.
// covers: kill tkill rt_sigprocmask gettid
#include "check.h"
#include <pthread.h>

static pthread_t main_thread, worker;
static volatile int in_main, in_worker, ready, stop;

static void handler(int signal)
{
	(void)signal;
	if (pthread_equal(pthread_self(), main_thread))
		in_main++;
	else
		in_worker++;
}

static void *work(void *argument)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	ready = 1;
	while (!stop)
		sleep_ms(1);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	sigset_t set, pending;
	main_thread = pthread_self();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&worker, NULL, work, NULL);
	while (!ready)
		sleep_ms(1);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 1000 && in_worker == 0; i++)
		sleep_ms(1);
	printf("main %d, worker %d\n", in_main, in_worker);
	SAY_ERROR(pthread_kill(worker, SIGUSR2));
	for (int i = 0; i < 1000 && in_worker == 1; i++)
		sleep_ms(1);
	printf("main %d, worker %d\n", in_main, in_worker);
	SAY_ERROR(pthread_kill(main_thread, SIGUSR2));
	printf("main %d, worker %d\n", in_main, in_worker);
	SAY_ERROR(pthread_kill(main_thread, SIGUSR1));
	sigpending(&pending);
	HOLDS(sigismember(&pending, SIGUSR1));
	sleep_ms(5);
	printf("main %d, worker %d\n", in_main, in_worker);
	SAY_ERROR(pthread_kill(worker, 0));
	stop = 1;
	pthread_join(worker, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	printf("main %d, worker %d\n", in_main, in_worker);
	return 0;
}
