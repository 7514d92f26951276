// rename moves and replaces in one step, keeps open files open, and refuses what would make no sense.
// covers: rename
#include "check.h"

RAW2(rename)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[8] = "";
	int one = make_file("one", "1"), two = make_file("two", "2");
	mkdir("empty", 0755);
	mkdir("full", 0755);
	close(make_file("full/file", "f"));
	SAY(raw_rename(P("one"), P("two")));
	show_file("one");
	show_file("two");
	SAY(read(two, text, 1));
	printf("the replaced one: %s\n", text);
	SAY(read(one, text, 1));
	SAY(raw_rename(P("two"), P("two")));
	link("two", "same");
	SAY(raw_rename(P("two"), P("same")));
	show_file("two");
	SAY(raw_rename(P("two"), P("empty")));
	SAY(raw_rename(P("empty"), P("two")));
	SAY(raw_rename(P("empty"), P("full")));
	SAY(raw_rename(P("full"), P("empty")));
	show_file("empty/file");
	mkdir("empty/deep", 0755);
	SAY(raw_rename(P("empty"), P("empty/deep/self")));
	SAY(raw_rename(P("missing"), P("new")));
	SAY(raw_rename(P("two"), P("missing/new")));
	SAY(raw_rename(P("two"), P("same/new")));
	SAY(raw_rename(P("two/"), P("new")));
	SAY(raw_rename(P("empty"), P("renamed/")));
	SAY(raw_rename(P("."), P("new")));
	SAY(raw_rename(P(""), P("new")));
	symlink("nowhere", "link");
	SAY(raw_rename(P("link"), P("moved-link")));
	SAY(readlink("moved-link", text, sizeof text));
	return 0;
}
