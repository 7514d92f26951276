// tgkill reaches one thread of one process, and nobody if the two do not belong together.
// covers: tgkill gettid getpid
#include "check.h"
#include <pthread.h>

RAW3(tgkill)
RAW0(gettid)

static volatile int handled_by_worker, handled, worker_id, stop;

static void handler(int signal)
{
	(void)signal;
	handled++;
	if (raw_gettid() == worker_id)
		handled_by_worker++;
}

static void *work(void *argument)
{
	worker_id = (int)raw_gettid();
	while (!stop)
		sleep_ms(1);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t worker;
	signal(SIGUSR1, handler);
	pthread_create(&worker, NULL, work, NULL);
	while (!worker_id)
		sleep_ms(1);
	SAY(raw_tgkill(getpid(), worker_id, SIGUSR1));
	for (int i = 0; i < 1000 && !handled; i++)
		sleep_ms(1);
	printf("handled %d, by the worker %d\n", handled, handled_by_worker);
	SAY(raw_tgkill(getpid(), getpid(), SIGUSR1));
	printf("handled %d, by the worker %d\n", handled, handled_by_worker);
	SAY(raw_tgkill(getpid(), worker_id, 0));
	SAY(raw_tgkill(getpid(), worker_id, 65));
	SAY(raw_tgkill(0x7ffffff0, worker_id, SIGUSR1));
	SAY(raw_tgkill(getpid(), 0x7ffffff0, SIGUSR1));
	SAY(raw_tgkill(-1, worker_id, SIGUSR1));
	SAY(raw_tgkill(getpid(), 0, SIGUSR1));
	stop = 1;
	SAY_ERROR(pthread_join(worker, NULL));
	return 0;
}
