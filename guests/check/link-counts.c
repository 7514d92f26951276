// A second name is the same file; names count; links to folders, over existing names and out of nothing are refused.
// covers: link linkat unlink
#include "check.h"

RAW2(link)
RAW5(linkat)
RAW1(unlink)

static void links(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0)
		printf("%s: %d links\n", path, (int)st.st_nlink);
	else
		printf("%s: %s\n", path, errno_name(errno));
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("file", "text"));
	mkdir("folder", 0755);
	symlink("file", "symbolic");
	SAY(raw_link(P("file"), P("second")));
	SAY(raw_linkat(AT_FDCWD, P("second"), AT_FDCWD, P("folder/third"), 0));
	links("file");
	int fd = open("second", O_WRONLY | O_APPEND);
	write(fd, " more", 5);
	show_file("folder/third");
	SAY(raw_unlink(P("file")));
	links("second");
	SAY(raw_link(P("missing"), P("new")));
	SAY(raw_link(P("folder"), P("new")));
	SAY(raw_link(P("second"), P("folder")));
	SAY(raw_link(P("second"), P("second")));
	SAY(raw_link(P("second"), P("missing/new")));
	SAY(raw_link(P("second/below"), P("new")));
	SAY(raw_linkat(AT_FDCWD, P("symbolic"), AT_FDCWD, P("of-link"), 0));
	links("of-link");
	SAY(raw_link(P("second"), P("file")));
	SAY(raw_linkat(AT_FDCWD, P("symbolic"), AT_FDCWD, P("of-target"), AT_SYMLINK_FOLLOW));
	links("of-target");
	SAY(raw_linkat(99, P("file"), AT_FDCWD, P("new"), 0));
	SAY(raw_linkat(AT_FDCWD, P("file"), AT_FDCWD, P("new"), 0x8000));
	return 0;
}
