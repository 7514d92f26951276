// posix_spawn runs a program with descriptors moved and a signal mask set, and says so when there is no such program.
// covers: vfork fork execve dup2 wait4
// needs: self
#include "check.h"
#include <spawn.h>

extern char **environ;

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "after") == 0) {
		sigset_t set;
		char text[16];
		long got = read(0, text, sizeof text);
		sigprocmask(SIG_BLOCK, NULL, &set);
		dprintf(20, "read %ld, blocked %d, %s", got, sigismember(&set, SIGUSR1), argv[2]);
		return 19;
	}
	check_start(argc, argv);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int ends[2];
	char text[100] = "";
	pid_t pid;
	pipe(ends);
	close(make_file("input", "12345"));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	posix_spawn_file_actions_init(&actions);
	SAY_ERROR(posix_spawn_file_actions_addopen(&actions, 0, "input", O_RDONLY, 0));
	SAY_ERROR(posix_spawn_file_actions_adddup2(&actions, ends[1], 20));
	SAY_ERROR(posix_spawn_file_actions_addclose(&actions, ends[0]));
	posix_spawnattr_init(&attributes);
	SAY_ERROR(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK));
	SAY_ERROR(posix_spawnattr_setsigmask(&attributes, &set));
	char *arguments[] = { "self", "after", "argument", NULL };
	SAY_ERROR(posix_spawn(&pid, "./self", &actions, &attributes, arguments, environ));
	reap("child", pid);
	read(ends[0], text, sizeof text - 1);
	printf("%s\n", text);
	SAY_ERROR(posix_spawn(&pid, "./missing", NULL, NULL, arguments, environ));
	return 0;
}
