// Blocked signals are read from a signalfd, in order of their number, with sender and value; then they are no longer pending.
// covers: signalfd4 signalfd rt_sigprocmask rt_sigpending kill
#include "check.h"
#include <poll.h>
#include <sys/signalfd.h>

RAW3(signalfd)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct signalfd_siginfo info[4];
	sigset_t set, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 1);
	SAY(sigprocmask(SIG_BLOCK, &set, NULL));
	int fd = OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(read(fd, info, sizeof info));
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	SAY(poll(&poll_fd, 1, 0));
	SAY(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 77 }));
	SAY(kill(getpid(), SIGUSR2));
	SAY(kill(getpid(), SIGUSR1));
	SAY(kill(getpid(), SIGUSR1));
	SAY(poll(&poll_fd, 1, 0));
	SAY(read(fd, info, 10));
	HOLDS(read(fd, info, sizeof info) == 3 * sizeof info[0]);
	for (int i = 0; i < 3; i++)
		printf("signal %s, code %d, from me: %s, value %d\n",
		       info[i].ssi_signo == SIGUSR1 ? "USR1" : info[i].ssi_signo == SIGUSR2 ? "USR2" : "RTMIN+1", info[i].ssi_code,
		       (pid_t)info[i].ssi_pid == getpid() ? "yes" : "no", info[i].ssi_int);
	SAY(read(fd, info, sizeof info));
	sigpending(&pending);
	HOLDS(sigismember(&pending, SIGUSR1));
	sigdelset(&set, SIGUSR2);
	HOLDS(signalfd(fd, &set, 0) == fd);
	kill(getpid(), SIGUSR2);
	SAY(read(fd, info, sizeof info));
	SAY(signalfd(0, &set, 0x1234));
	SAY(signalfd(99, &set, 0));
	uint64_t mask = 1ull << (SIGUSR1 - 1);
	OK(raw_signalfd(-1, P(&mask), 8));
	SAY(raw_signalfd(-1, P(&mask), 7));
	SAY(raw_signalfd(0, P(&mask), 8));
	return 0;
}
