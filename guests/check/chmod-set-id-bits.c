// The set-id bits are kept by chmod, and taken by a change of owner.
// covers: chmod fchmod chown
// needs: root memory
#include "check.h"

static void show(const char *path)
{
	struct stat st;
	stat(path, &st);
	printf("%s: %o\n", path, (unsigned)st.st_mode);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "text");
	mkdir("folder", 0755);
	SAY(fchmod(fd, 07777));
	show("file");
	SAY(chmod("folder", 02770));
	show("folder");
	SAY(chown("file", 1000, 1000));
	show("file");
	SAY(chmod("file", 04644));
	show("file");
	return 0;
}
