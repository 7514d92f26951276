// chmod, fchmod and fchmodat set the mode bits, through a link, and nothing else.
// covers: chmod fchmod fchmodat
#include "check.h"

RAW2(chmod)
RAW2(fchmod)
RAW3(fchmodat)

static void show(const char *path)
{
	struct stat st;
	lstat(path, &st);
	printf("%s: %o\n", path, (unsigned)st.st_mode);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "text");
	mkdir("folder", 0755);
	symlink("file", "link");
	SAY(raw_chmod(P("file"), 0));
	show("file");
	SAY(raw_chmod(P("link"), 0640));
	show("file");
	SAY(raw_fchmod(fd, 0777));
	show("file");
	SAY(raw_fchmodat(AT_FDCWD, P("folder"), 01777));
	show("folder");
	int folder = open("folder", O_RDONLY);
	SAY(raw_fchmod(folder, 0700));
	show("folder");
	SAY(raw_fchmodat(folder, P("../file"), 0600));
	show("file");
	SAY(raw_chmod(P("file"), 0100644));
	show("file");
	SAY(raw_chmod(P("missing"), 0600));
	SAY(raw_fchmod(99, 0600));
	SAY(raw_fchmodat(99, P("file"), 0600));
	return 0;
}
