// A symbolic link is its text, whatever that names; readlink returns it cut to the buffer and without a NUL.
// covers: symlink symlinkat readlink readlinkat
#include "check.h"

RAW2(symlink)
RAW3(symlinkat)
RAW3(readlink)
RAW4(readlinkat)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[32];
	close(make_file("file", "text"));
	mkdir("folder", 0755);
	int folder = open("folder", O_RDONLY);
	SAY(raw_symlink(P("some/where"), P("dangling")));
	memset(text, '#', sizeof text);
	SAY(raw_readlink(P("dangling"), P(text), sizeof text));
	printf("%.12s\n", text);
	memset(text, '#', sizeof text);
	SAY(raw_readlink(P("dangling"), P(text), 4));
	printf("%.6s\n", text);
	SAY(raw_readlink(P("dangling"), P(text), 0));
	SAY(raw_readlink(P("file"), P(text), sizeof text));
	SAY(raw_readlink(P("missing"), P(text), sizeof text));
	SAY(raw_symlink(P("x"), P("file")));
	SAY(raw_symlink(P(""), P("empty")));
	SAY(raw_symlink(P("x"), P("missing/link")));
	SAY(raw_symlinkat(P("../file"), folder, P("up")));
	SAY(raw_readlinkat(folder, P("up"), P(text), sizeof text));
	show_file("folder/up");
	SAY(raw_symlinkat(P("x"), 99, P("link")));
	SAY(raw_readlinkat(99, P("up"), P(text), sizeof text));
	symlink("folder", "to-folder");
	show_file("to-folder/up");
	show_file("to-folder/../file");
	symlink("b", "a");
	symlink("a", "b");
	SAY(open("a", O_RDONLY));
	SAY(open("a/below", O_RDONLY));
	symlink("file", "chain-0");
	char from[16], to[16];
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof from, "chain-%d", i);
		snprintf(to, sizeof to, "chain-%d", i - 1);
		symlink(to, from);
	}
	OK(open("chain-39", O_RDONLY));
	OK(open("chain-40", O_RDONLY));
	return 0;
}
