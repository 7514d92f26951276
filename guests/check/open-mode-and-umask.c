// A new file gets its mode without the bits of the umask; umask answers the one before.
// covers: open umask mkdir stat
#include "check.h"

RAW1(umask)

static void show_mode(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0)
		printf("%s: %o\n", path, (unsigned)st.st_mode);
	else
		printf("%s: %s\n", path, errno_name(errno));
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	SAY(raw_umask(0077));
	SAY(raw_umask(01777));
	SAY(raw_umask(0));
	close(open("all", O_WRONLY | O_CREAT, 0666));
	umask(027);
	close(open("some", O_WRONLY | O_CREAT, 0777));
	mkdir("folder", 0777);
	umask(0777);
	close(open("none", O_WRONLY | O_CREAT, 0666));
	show_mode("all");
	show_mode("some");
	show_mode("folder");
	show_mode("none");
	return 0;
}
