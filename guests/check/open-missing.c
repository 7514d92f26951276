// What open refuses, and with which error.
// covers: open openat
#include "check.h"

RAW3(open)
RAW4(openat)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("file", "text"));
	mkdir("folder", 0755);
	symlink("loop", "loop");
	symlink("nowhere", "dangling");
	char name[300];
	memset(name, 'n', 299);
	name[299] = 0;
	SAY(raw_open(P("missing"), O_RDONLY, 0));
	SAY(raw_open(P(""), O_RDONLY, 0));
	SAY(raw_open(P("missing/below"), O_RDONLY | O_CREAT, 0644));
	SAY(raw_open(P("file/below"), O_RDONLY, 0));
	SAY(raw_open(P("file/"), O_RDONLY, 0));
	SAY(raw_open(P("file"), O_RDONLY | O_DIRECTORY, 0));
	SAY(raw_open(P("file"), O_WRONLY | O_CREAT | O_EXCL, 0644));
	SAY(raw_open(P("folder"), O_WRONLY, 0));
	SAY(raw_open(P("folder"), O_RDWR, 0));
	SAY(raw_open(P("folder"), O_RDONLY | O_CREAT, 0644));
	SAY(raw_open(P("new/"), O_WRONLY | O_CREAT, 0644));
	SAY(raw_open(P("loop"), O_RDONLY, 0));
	SAY(raw_open(P("dangling"), O_RDONLY, 0));
	SAY(raw_open(P("dangling"), O_WRONLY | O_CREAT | O_EXCL, 0644));
	SAY(raw_open(P("dangling"), O_RDONLY | O_NOFOLLOW, 0));
	SAY(raw_open(P(name), O_RDONLY, 0));
	SAY(raw_openat(AT_FDCWD, P("missing"), O_RDONLY, 0));
	SAY(raw_openat(99, P("file"), O_RDONLY, 0));
	return 0;
}
