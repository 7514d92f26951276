// RENAME_NOREPLACE refuses to replace; flags that contradict each other are refused.
// covers: renameat2
#include "check.h"

RAW5(renameat2)
#define NOREPLACE 1
#define EXCHANGE 2

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("one", "1"));
	close(make_file("two", "2"));
	mkdir("folder", 0755);
	int folder = open("folder", O_RDONLY);
	SAY(raw_renameat2(AT_FDCWD, P("one"), AT_FDCWD, P("two"), NOREPLACE));
	SAY(raw_renameat2(AT_FDCWD, P("one"), AT_FDCWD, P("three"), NOREPLACE));
	show_file("two");
	show_file("three");
	SAY(raw_renameat2(AT_FDCWD, P("two"), AT_FDCWD, P("three"), EXCHANGE | NOREPLACE));
	SAY(raw_renameat2(AT_FDCWD, P("two"), AT_FDCWD, P("three"), 0x80));
	SAY(raw_renameat2(AT_FDCWD, P("two"), folder, P("inside"), 0));
	show_file("folder/inside");
	SAY(raw_renameat2(99, P("three"), folder, P("x"), 0));
	SAY(raw_renameat2(AT_FDCWD, P("three"), 99, P("x"), 0));
	return 0;
}
