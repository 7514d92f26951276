// renameat moves from one folder's descriptor to another's.
// covers: renameat
#include "check.h"

RAW4(renameat)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	mkdir("one", 0755);
	mkdir("two", 0755);
	close(make_file("one/file", "moved"));
	int one = open("one", O_RDONLY), two = open("two", O_RDONLY), file = make_file("plain", "");
	SAY(raw_renameat(one, P("file"), two, P("other")));
	show_file("one/file");
	show_file("two/other");
	SAY(raw_renameat(one, P("file"), two, P("other")));
	SAY(raw_renameat(two, P("other"), AT_FDCWD, P("here")));
	show_file("here");
	SAY(raw_renameat(99, P("here"), AT_FDCWD, P("there")));
	SAY(raw_renameat(AT_FDCWD, P("here"), file, P("there")));
	SAY(raw_renameat(AT_FDCWD, P("here"), two, P("")));
	SAY(raw_renameat(AT_FDCWD, P(NOWHERE), two, P("x")));
	return 0;
}
