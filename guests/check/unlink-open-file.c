// An unlinked file lives on for whoever holds it open, and its name is free at once.
// covers: unlink unlinkat
#include "check.h"

RAW1(unlink)
RAW3(unlinkat)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16] = "";
	int fd = make_file("file", "old text");
	mkdir("folder", 0755);
	symlink("file", "link");
	SAY(raw_unlink(P("link")));
	SAY(raw_unlink(P("file")));
	SAY(raw_unlink(P("file")));
	close(make_file("file", "new"));
	SAY(read(fd, text, sizeof text));
	printf("%.8s\n", text);
	SAY(pwrite(fd, "OLD", 3, 0));
	show_file("file");
	SAY(raw_unlink(P("folder")));
	SAY(raw_unlink(P("file/")));
	SAY(raw_unlink(P("file/below")));
	SAY(raw_unlink(P("missing/below")));
	SAY(raw_unlink(P("")));
	SAY(raw_unlinkat(AT_FDCWD, P("file"), 0));
	SAY(raw_unlinkat(99, P("file"), 0));
	SAY(raw_unlinkat(AT_FDCWD, P("file"), 1));
	return 0;
}
