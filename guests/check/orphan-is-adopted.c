// When a parent ends, its children get another one, and their grandparent none more.
// covers: getppid wait4 fork
#include "check.h"

/* The first process of a machine adopts orphans itself. */
static void grandparent(void)
{
	int ends[2];
	char text[4] = "";
	pipe(ends);
	pid_t child = fork();
	if (child == 0) {
		pid_t me = getpid();
		if (fork() == 0) {
			for (int i = 0; i < 1000 && getppid() == me; i++)
				sleep_ms(1);
			write(ends[1], getppid() != me ? "yes" : "no", 3);
			_exit(0);
		}
		_exit(0);
	}
	reap("child", child);
	close(ends[1]);
	SAY(read(ends[0], text, 3));
	printf("another parent: %s\n", text);
	SAY(read(ends[0], text, 3));
	SAY(wait(NULL));
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pid_t middle = fork();
	if (middle == 0) {
		grandparent();
		_exit(0);
	}
	reap("middle", middle);
	return 0;
}
