// lchown changes a link itself, chown what it names.
// covers: lchown chown
// needs: root memory
#include "check.h"

RAW3(lchown)

static void show(const char *path)
{
	struct stat st;
	lstat(path, &st);
	printf("%s: %d %d\n", path, (int)st.st_uid, (int)st.st_gid);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("file", ""));
	symlink("file", "link");
	SAY(raw_lchown(P("link"), 10, 20));
	show("link");
	show("file");
	SAY(raw_lchown(P("file"), 30, -1));
	show("file");
	SAY(chown("link", -1, 40));
	show("link");
	show("file");
	SAY(raw_lchown(P("missing"), 1, 1));
	SAY(raw_lchown(P(NOWHERE), 1, 1));
	return 0;
}
