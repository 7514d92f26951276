// rt_tgsigqueueinfo hands a value to one thread; it does not let one pretend to be the kernel.
// covers: rt_tgsigqueueinfo rt_sigqueueinfo
#include "check.h"
#include <pthread.h>

RAW4(rt_tgsigqueueinfo)
RAW3(rt_sigqueueinfo)
RAW0(gettid)

static volatile int value, in_thread, thread_id, stop;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	value = info->si_value.sival_int;
	in_thread = raw_gettid() == thread_id;
}

static void *work(void *argument)
{
	thread_id = (int)raw_gettid();
	while (!stop)
		sleep_ms(1);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t thread;
	siginfo_t info;
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, work, NULL);
	while (!thread_id)
		sleep_ms(1);
	memset(&info, 0, sizeof info);
	info.si_signo = SIGUSR1;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value.sival_int = 55;
	SAY(raw_rt_tgsigqueueinfo(getpid(), thread_id, SIGUSR1, P(&info)));
	for (int i = 0; i < 1000 && !value; i++)
		sleep_ms(1);
	printf("value %d, in the thread %d\n", value, in_thread);
	info.si_value.sival_int = 66;
	SAY(raw_rt_sigqueueinfo(getpid(), SIGUSR1, P(&info)));
	for (int i = 0; i < 1000 && value != 66; i++)
		sleep_ms(1);
	printf("value %d\n", value);
	SAY(raw_rt_tgsigqueueinfo(getpid(), 0x7ffffff0, SIGUSR1, P(&info)));
	SAY(raw_rt_tgsigqueueinfo(-1, thread_id, SIGUSR1, P(&info)));
	SAY(raw_rt_tgsigqueueinfo(getpid(), thread_id, 65, P(&info)));
	SAY(raw_rt_tgsigqueueinfo(getpid(), thread_id, SIGUSR1, P(NOWHERE)));
	info.si_code = SI_KERNEL;
	pid_t me = getpid(), child = fork();
	if (child == 0) {
		SAY(raw_rt_sigqueueinfo(me, SIGUSR1, P(&info)));
		_exit(0);
	}
	reap("child", child);
	stop = 1;
	pthread_join(thread, NULL);
	return 0;
}
