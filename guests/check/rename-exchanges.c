// RENAME_EXCHANGE swaps two names, of files or folders.
// covers: renameat2
// needs: memory
#include "check.h"

RAW5(renameat2)
#define EXCHANGE 2

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("one", "1"));
	close(make_file("two", "2"));
	mkdir("folder", 0755);
	close(make_file("folder/inside", "in"));
	SAY(raw_renameat2(AT_FDCWD, P("one"), AT_FDCWD, P("two"), EXCHANGE));
	show_file("one");
	show_file("two");
	SAY(raw_renameat2(AT_FDCWD, P("one"), AT_FDCWD, P("folder"), EXCHANGE));
	show_file("folder");
	show_file("one/inside");
	SAY(raw_renameat2(AT_FDCWD, P("one"), AT_FDCWD, P("missing"), EXCHANGE));
	SAY(raw_renameat2(AT_FDCWD, P("missing"), AT_FDCWD, P("one"), EXCHANGE));
	SAY(raw_renameat2(AT_FDCWD, P("one"), AT_FDCWD, P("one/inside"), EXCHANGE));
	return 0;
}
