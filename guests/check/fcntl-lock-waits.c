// F_SETLKW waits until the lock is let go; a signal interrupts it.
// covers: fcntl fork wait4
#include "check.h"

static int lock_all(int fd, int command, int type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	return fcntl(fd, command, &lock);
}

static void on_alarm(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], fd = make_file("file", "");
	char byte;
	pipe(ends);
	SAY(lock_all(fd, F_SETLK, F_WRLCK));
	pid_t child = fork();
	if (child == 0) {
		SAY(lock_all(fd, F_SETLK, F_WRLCK));
		struct sigaction action = { .sa_handler = on_alarm };
		sigaction(SIGALRM, &action, NULL);
		struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
		setitimer(ITIMER_REAL, &soon, NULL);
		SAY(lock_all(fd, F_SETLKW, F_WRLCK));
		setitimer(ITIMER_REAL, &never, NULL);
		write(ends[1], "x", 1);
		int result = lock_all(fd, F_SETLKW, F_RDLCK);
		read(ends[0], &byte, 1);
		SAY(result);
		_exit(0);
	}
	read(ends[0], &byte, 1);
	sleep_ms(20);
	printf("letting go\n");
	SAY(lock_all(fd, F_SETLK, F_UNLCK));
	write(ends[1], "x", 1);
	reap("child", child);
	SAY(lock_all(fd, F_SETLKW, F_WRLCK));
	return 0;
}
