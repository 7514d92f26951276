// After chroot the root is that folder: absolute paths and .. start and end there, descriptors from before still work.
// covers: chroot fork wait4
// needs: root
#include "check.h"

RAW1(chroot)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	mkdir("jail", 0755);
	close(make_file("outside", "out"));
	close(make_file("jail/inside", "in"));
	symlink("/inside", "jail/link");
	int fd = open("outside", O_RDONLY);
	pid_t child = fork();
	if (child == 0) {
		char path[100];
		SAY(raw_chroot(P("missing")));
		SAY(raw_chroot(P("outside")));
		SAY(raw_chroot(P("jail")));
		SAY(chdir("/"));
		show_file("/inside");
		show_file("/link");
		show_file("../outside");
		show_file("/../../outside");
		printf("%s\n", getcwd(path, sizeof path));
		SAY(read(fd, path, 3));
		_exit(0);
	}
	reap("child", child);
	show_file("outside");
	return 0;
}
